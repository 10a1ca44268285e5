"""One origin as the resolver sees it: its names, and its files taken apart when they are needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from lemur2.retrieval.index.names import Definition, NameTable
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.syntax.anatomy import Anatomy, Unit, dissect
from lemur2.retrieval.values import Unresolvable

T = TypeVar("T")


class OriginView:
    """The sources of one origin; keeps what it has taken apart.

    Args:
        store: The index.
        origin: The origin's name.
    """

    def __init__(self, store: FileIndexStore, origin: str) -> None:
        self.origin = store.origin(origin)
        self.names = NameTable(store, origin)
        self.packages = frozenset(module.partition(".")[0] for module in self.names.modules())
        self._store = store
        self._anatomies: dict[str, Anatomy] = {}
        self._values: dict[Hashable, object] = {}
        self._binders: dict[str, dict[str, list[Unit]]] = {}

    def anatomy(self, module: str) -> Anatomy:
        """A module's file taken apart.

        Raises:
            Unresolvable: It cannot be parsed.
        """
        if module not in self._anatomies:
            text = self._store.text(self.names.file(module).sha1)
            try:
                self._anatomies[module] = dissect(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise Unresolvable(module, "its file cannot be parsed") from error
        return self._anatomies[module]

    def calls(self, name: str) -> list[tuple[str, str, str]]:
        """Its calls of what has that name; see `FileIndexStore.calls`."""
        return self._store.calls(name, self.origin.name)

    def binders(self, module: str, name: str) -> list[Unit]:
        """The statements of a module that bind a name when it runs."""
        if module not in self._binders:
            table: dict[str, list[Unit]] = defaultdict(list)
            for unit in self.anatomy(module).units:
                if not unit.typing_only:
                    for bound in unit.binds:
                        table[bound].append(unit)
            self._binders[module] = table
        return self._binders[module].get(name, [])

    def writers(self, module: str, name: str) -> list[Unit]:
        """The functions and classes of a module that bind a name by a `global` statement."""
        return [
            unit
            for unit in self.anatomy(module).units
            if name in unit.reads.written or any(name in m.reads.written for m in unit.members)
        ]

    def class_unit(self, definition: Definition) -> Unit | None:
        """The class statement of a definition; None where it is no class."""
        for unit in reversed(self.binders(definition.module, definition.name)):
            if unit.kind == "class":
                return unit
        return None

    def remembered(self, key: Hashable, make: Callable[[], T]) -> T:
        """A value that depends on the key alone; made once."""
        if key not in self._values:
            self._values[key] = make()
        return cast(T, self._values[key])
