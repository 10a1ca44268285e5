"""Classes by name: the built-in ones, and those that installed packages announce."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from lemur2.errors import UsageError, UserError
from lemur2.suggestions import did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """One kind of extension.

    A third party's class is loaded when it is asked for, never before: a broken package breaks
    nothing but its own names. Built-in names win.

    Args:
        kind: What a name stands for, in messages (`data set`).
        base: What every class must be a subclass of.
        group: The entry-point group; each entry point is named as its class is.
        builtin: Our own, by name: the class, or where it is (`package.module:Class`).
    """

    def __init__(
        self, kind: str, base: type[T], group: str, builtin: Mapping[str, type[T] | str]
    ) -> None:
        self._kind = kind
        self._base = base
        self._group = group
        self._builtin = builtin

    def names(self) -> tuple[str, ...]:
        """All names: ours as they are listed, then those of installed packages."""
        return tuple(dict.fromkeys([*self._builtin, *(point.name for point in self._installed())]))

    def find(self, name: str) -> type[T]:
        """The class of that name.

        Raises:
            UsageError: There is none; the message gives the names that come close.
            UserError: It cannot be loaded.
        """
        builtin = self._builtin.get(name)
        if isinstance(builtin, str):
            return self._load(EntryPoint(name, builtin, self._group))
        if builtin is not None:
            return builtin
        for point in self._installed():
            if point.name == name:
                return self._load(point)
        names = self.names()
        hint = did_you_mean(name, names, f"there are {', '.join(names)}")
        raise UsageError(f"unknown {self._kind} {name!r}; {hint}")

    def _installed(self) -> tuple[EntryPoint, ...]:
        return tuple(entry_points(group=self._group))

    def _load(self, point: EntryPoint) -> type[T]:
        try:
            found = point.load()
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"{self._kind} {point.name!r} cannot be loaded from {point.value!r} ({error}); "
                "install what it needs, or remove the package that announces it"
            ) from error
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise UserError(
                f"{self._kind} {point.name!r} at {point.value!r} is no {self._base.__name__} "
                "class; repair or remove the package that announces it"
            )
        return found
