"""Classes by name: the built-in ones, and those that installed packages announce."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from lemur2.errors import UsageError, UserError
from lemur2.suggestions import did_you_mean

T = TypeVar("T")

# All entry-point groups.
GROUPS = tuple(
    f"lemur2.{kind}"
    for kind in ("generators", "tasks", "datasets", "metrics", "transforms", "jobs", "engines")
)
_kept: dict[str, tuple[EntryPoint, ...]] = {}


class PluginWarning(UserWarning):
    """Something is wrong with an installed package that announces names of ours; one line."""


class Registry(Generic[T]):
    """One kind of extension.

    A third party's class is loaded when it is asked for, never before: a broken package breaks
    nothing but its own names. Built-in names win; a warning says whose name was passed over.

    Args:
        kind: What a name stands for, in messages (`data set`).
        base: What every class must be a subclass of.
        group: The entry-point group; each entry point is named as its class is.
        builtin: Our own, by name: the class, or where it is (`package.module:Class`).
        alias: Whether a third party's class may be announced by another name than its own.
    """

    def __init__(
        self,
        kind: str,
        base: type[T],
        group: str,
        builtin: Mapping[str, type[T] | str],
        *,
        alias: bool = False,
    ) -> None:
        self._kind = kind
        self._base = base
        self._group = group
        self._builtin = builtin
        self._alias = alias

    def names(self) -> tuple[str, ...]:
        """All names: ours as they are listed, then those of installed packages."""
        return (*self._builtin, *self._installed())

    def classes(self) -> dict[str, type[T]]:
        """All classes by name, but for those that cannot be loaded: a warning says which."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.find(name)
            except UserError as error:
                warn(str(error))
        return found

    def find(self, name: str, also: Iterable[str] = ()) -> type[T]:
        """The class of that name.

        Args:
            name: As `names` has it.
            also: What else a message may offer where there is none.

        Raises:
            UsageError: There is none; the message gives the names that come close.
            UserError: It cannot be loaded.
        """
        builtin = self._builtin.get(name)
        if isinstance(builtin, str):
            return self._class(EntryPoint(name, builtin, self._group))
        if builtin is not None:
            return builtin
        point = self._installed().get(name)
        if point is not None:
            return self._checked(point, self._class(point))
        names = (*self.names(), *also)
        hint = did_you_mean(name, names, f"there are {', '.join(names)}")
        raise UsageError(f"unknown {self._kind} {name!r}; {hint}")

    def _installed(self) -> dict[str, EntryPoint]:
        return installed(self._group, self._kind, self._builtin)

    def _class(self, point: EntryPoint) -> type[T]:
        found = load(point, self._kind)
        if not (isinstance(found, type) and issubclass(found, self._base)):
            raise _broken(point, self._kind, f"is no {self._base.__name__} class")
        return found

    def _checked(self, point: EntryPoint, found: type[T]) -> type[T]:
        """A third party's class, if it has what ours have. Raises UserError."""
        annotated = inspect.get_annotations(self._base)
        lacking = [each for each in annotated if not hasattr(found, each)]
        lacking += sorted(getattr(found, "__abstractmethods__", ()))
        if lacking:
            raise _broken(point, self._kind, f"does not define {', '.join(lacking)}")
        own = getattr(found, "name", point.name)
        if own != point.name and not self._alias:
            raise _broken(point, self._kind, f"has the name {own!r}, its entry point another")
        return found


def installed(group: str, kind: str, builtin: Mapping[str, Any]) -> dict[str, EntryPoint]:
    """What installed packages announce in a group, by name.

    Names that are built in, or announced before, are passed over with a warning.
    """
    found: dict[str, EntryPoint] = {}
    for point in dict.fromkeys(_announced(group)):
        if point.name in builtin:
            warn(
                f"{_origin(point)} announces the {kind} {point.name!r}, which is built in: not used"
            )
        elif point.name in found:
            others = f"{_origin(point)} and {_origin(found[point.name])}"
            warn(f"{others} announce the {kind} {point.name!r}: {found[point.name].value} is used")
        else:
            found[point.name] = point
    return found


def plugins() -> Iterator[EntryPoint]:
    """Everything that installed packages announce, of all groups."""
    for group in GROUPS:
        yield from _announced(group)


def keep() -> None:
    """Keep to what is announced now, in this process: in a worker nobody can read it again."""
    _kept.update({group: tuple(entry_points(group=group)) for group in GROUPS})


def _announced(group: str) -> Iterable[EntryPoint]:
    return _kept[group] if group in _kept else entry_points(group=group)


def load(point: EntryPoint, kind: str) -> Any:
    """What an entry point names. Raises UserError."""
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # a third party's module may raise anything
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise _broken(point, kind, f"cannot be loaded ({text})") from error


def warn(text: str) -> None:
    """Say a line about an installed package, once."""
    warnings.warn(text, PluginWarning, stacklevel=2)


def _broken(point: EntryPoint, kind: str, what: str) -> UserError:
    return UserError(
        f"{kind} {point.name!r} {what}; "
        f"repair, complete or remove {_origin(point)}, which has it at {point.value}"
    )


def _origin(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else "an installed package"
