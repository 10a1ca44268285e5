"""One namespace for what comes from many modules: same-named things are kept apart."""

from __future__ import annotations

import builtins
import itertools
import keyword
from collections import defaultdict
from collections.abc import Iterator

from lemur2.retrieval.analysis.closure import Closure, Foreign, Key, Namespace, Taken
from lemur2.retrieval.index.names import Definition, ModuleRef, Outside
from lemur2.retrieval.index.origin_view import OriginView

_RESERVED = frozenset(dir(builtins)) | {*keyword.kwlist, "annotations"}


class Names:
    """What everything in a closure is called in the module that is made of it.

    The target and what stands in its module keep their names; others do unless the name is
    taken, is a built-in's, or would be hidden by a local name where it is put in place of
    something longer (`F.resize` becomes `resize`). Equal copies of a function or logger in several
    modules become one.

    Args:
        view: The origin.
        closure: What is needed.
    """

    def __init__(self, view: OriginView, closure: Closure) -> None:
        self._view = view
        self._closure = closure
        self._hidden = self._local_names()
        self.same = _equal_copies(view, closure)
        self._flat: dict[Key, str] = {}
        self._taken: dict[str, Key] = {}
        self._assign()

    def of(self, key: Key) -> str:
        """The name of something in the closure."""
        if isinstance(key, Definition):
            key = self.same.get(key, key)
        return self._flat[key]

    def is_dropped(self, taken: Taken) -> bool:
        """Whether a statement is an equal copy of one that stays."""
        return any(Definition(taken.module, name) in self.same for name in taken.unit.binds)

    def changes(self, module: str) -> dict[str, str]:
        """The chains of a module that read otherwise in the result."""
        changed = {}
        for chain, key in self._closure.links.get(module, {}).items():
            name = self.of(key)
            if name != chain:
                changed[chain] = name
        for definition in self._closure.definitions:
            if definition.module == module and self.of(definition) != definition.name:
                changed[definition.name] = self.of(definition)
        return changed

    def is_used(self, name: str) -> bool:
        """Whether something is called that."""
        return name in self._taken

    def _assign(self) -> None:
        home = self._closure.target.module
        definitions = [d for d in self._closure.definitions if d not in self.same]
        definitions.sort(key=lambda d: (d != self._closure.target, d.module != home))
        keys: list[Key] = [d for d in definitions if d.module == home]
        keys += self._closure.foreign
        keys += [d for d in definitions if d.module != home]
        keys += self._closure.namespaces
        for key in keys:
            self._flat[key] = self._free_name(key)

    def _free_name(self, key: Key) -> str:
        own = _own_name(key)
        for name in _candidates(key, own):
            holder = self._taken.get(name)
            if holder is not None and not self._is_same_import(holder, key):
                continue
            if name != own and name in self._hidden[None]:
                continue
            if name in _RESERVED and key != self._closure.target:
                continue
            if name in self._hidden[key]:
                continue
            self._taken[name] = key
            return name
        raise AssertionError(own)

    def _is_same_import(self, one: Key, other: Key) -> bool:
        """Whether both bind the same thing of another package, if perhaps under a condition."""
        outside = {self._imported(key) for key in (one, other)}
        return len(outside) == 1 and None not in outside

    def _imported(self, key: Key) -> Outside | None:
        if isinstance(key, Foreign):
            return key.outside
        if isinstance(key, Namespace):
            return None
        found: set[Outside | None] = set()
        for unit in self._view.binders(key.module, key.name):
            for imported in unit.imports:
                if imported.bound == key.name:
                    target = self._view.names.imported(
                        key.module, imported.leads_to, imported.level, imported.name
                    )
                    found.add(target if isinstance(target, Outside) else None)
            if not unit.imports:
                found.add(None)
        return found.pop() if len(found) == 1 else None

    def _local_names(self) -> dict[Key | None, set[str]]:
        """For each key the local names of code that reads it by another name than its own."""
        hidden: dict[Key | None, set[str]] = defaultdict(set)
        for taken in self._closure.taken.values():
            links = self._closure.links.get(taken.module, {})
            for chain in taken.reads.eager | taken.reads.lazy:
                parts = chain.split(".")
                for end in range(1, len(parts) + 1):
                    used = ".".join(parts[:end])
                    if used in links:
                        key = links[used]
                        hidden[None] |= taken.reads.bound
                        if used != (_own_name(key)):
                            hidden[key] |= taken.reads.bound
            for imported in taken.reads.imports:
                self._hide_from_modules(taken, imported.chains, hidden, imported)
        return hidden

    def _hide_from_modules(
        self, taken: Taken, chains: set[str], hidden: dict[Key | None, set[str]], imported: object
    ) -> None:
        names = self._view.names
        target = names.imported(taken.module, imported.leads_to, imported.level, imported.name)  # type: ignore[attr-defined]
        if isinstance(target, ModuleRef):
            for chain in chains:
                found = names.resolve_in(target.module, chain).target
                if isinstance(found, Definition):
                    hidden[found] |= taken.reads.bound


def _own_name(key: Key) -> str:
    return key.name if isinstance(key, Definition) else key.bound


def _candidates(key: Key, own: str) -> Iterator[str]:
    """Its own name; then with that of its module, of the package around it, ...; then numbers."""
    yield own
    module = key.outside.module if isinstance(key, Foreign) else key.module
    parts = [part.lstrip("_") for part in module.split(".")]
    for count in range(1, len(parts) + 1):
        yield f"{own}_{'_'.join(parts[-count:])}"
    for number in itertools.count(2):
        yield f"{own}_{number}"


def _equal_copies(view: OriginView, closure: Closure) -> dict[Definition, Definition]:
    """Definitions that repeat another one word for word, to that one.

    Only functions, and loggers: a second copy of them cannot be told from the first.
    """
    first: dict[tuple[object, ...], Definition] = {}
    same: dict[Definition, Definition] = {}
    units = {
        Definition(taken.module, name): taken
        for taken in closure.taken.values()
        for name in taken.unit.binds
    }
    home = closure.target.module
    for definition in sorted(closure.definitions, key=lambda d: d.module != home):
        taken = units.get(definition)
        if taken is None or len(taken.unit.binds) != 1 or taken.unit.outer is not None:
            continue
        if len(view.binders(definition.module, definition.name)) != 1:
            continue
        text = view.anatomy(taken.module).text(taken.unit.start, taken.unit.end)
        if taken.unit.kind != "function" and "get_logger(" not in text.replace("getL", "get_l"):
            continue
        if taken.reads.imports or taken.unit.decorators:
            continue
        links = closure.links.get(taken.module, {})
        reads = sorted(
            (chain, str(links.get(chain.partition(".")[0]) or links.get(chain)))
            for chain in taken.reads.eager | taken.reads.lazy
        )
        if any(link == str(definition) for _, link in reads):
            continue
        key = (definition.name, text.strip(), tuple(reads))
        if key in first:
            same[definition] = first[key]
        else:
            first[key] = definition
    return same
