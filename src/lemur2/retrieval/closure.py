"""The resolver: the minimal transitive closure of a definition (paper, section 9.3.2).

From the target on, every name that the code reads is followed to the definition that it stands
for, and that one's names in turn. A class's methods are followed one by one: of the classes that
the target only depends on, a method is taken when something in the closure may call it (see
`reach`). Nothing is run.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field

from lemur2.retrieval.anatomy import Compound, Member, Unit
from lemur2.retrieval.effects import is_kept_effect, is_transparent
from lemur2.retrieval.library import Library
from lemur2.retrieval.names import Definition, Missing, ModuleRef, Outside, Target
from lemur2.retrieval.reach import Reach
from lemur2.retrieval.scopes import LocalImport, Reads
from lemur2.retrieval.values import Unresolvable

_BUILTINS = frozenset(dir(builtins)) | {
    "__annotations__",
    "__builtins__",
    "__doc__",
    "__file__",
    "__loader__",
    "__name__",
    "__package__",
    "__path__",
    "__spec__",
    "__class__",
    "__qualname__",
    "__module__",
}

UnitKey = tuple[str, int]


@dataclass
class Taken:
    """A statement in the closure.

    Attributes:
        module: Where it is from.
        unit: The statement.
        members: For a class, which members are taken.
        reads: What it reads in all, with the members that are taken.
    """

    module: str
    unit: Unit
    members: list[Member] = field(default_factory=list)
    reads: Reads = field(default_factory=Reads)

    @property
    def key(self) -> UnitKey:
        """Identifies the statement."""
        return (self.module, self.unit.index)


@dataclass
class Closure:
    """All that a target needs.

    Attributes:
        target: The definition that was asked for.
        taken: Statements by key, in the order in which they were found.
        definitions: All definitions that are needed, in that order.
        foreign: (module, bound name) of imports of other packages to what they import.
        submodules: Dotted modules of other packages that `import a.b` makes available.
        stars: Modules of other packages of which all names are imported.
        annotations: Names that only annotate: (module, name) to what they stand for.
        conditions: Compound statements around what was taken, by module and first line.
        left_out: Methods that nothing calls, as `Class.method`.
    """

    target: Definition
    taken: dict[UnitKey, Taken] = field(default_factory=dict)
    definitions: dict[Definition, None] = field(default_factory=dict)
    foreign: dict[tuple[str, str], Outside] = field(default_factory=dict)
    submodules: set[str] = field(default_factory=set)
    stars: set[str] = field(default_factory=set)
    annotations: dict[tuple[str, str], Target] = field(default_factory=dict)
    conditions: dict[tuple[str, int], Compound] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def close(library: Library, target: Definition) -> Closure:
    """The closure of a definition.

    Raises:
        Unresolvable: Something that it needs cannot be had; the error says what and why.
    """
    return _Closer(library, target).run()


class _Closer:
    def __init__(self, library: Library, target: Definition) -> None:
        self._library = library
        self._names = library.names
        self._closure = Closure(target)
        self._queue: list[Taken] = []
        self._pending: dict[UnitKey, list[Member]] = {}
        self._reach = Reach(library, target)
        self._searched: set[tuple[str, int]] = set()

    def run(self) -> Closure:
        self._need(self._closure.target, self._closure.target.qualified_name)
        while True:
            self._drain()
            if not (self._reached_members() or self._effects()):
                break
        self._keep_what_costs_nothing()
        self._annotations()
        return self._closure

    def _drain(self) -> None:
        while self._queue:
            taken = self._queue.pop()
            self._follow_unit(taken)

    # Definitions and statements.

    def _need(self, definition: Definition, reader: str) -> None:
        if definition in self._closure.definitions:
            return
        self._closure.definitions[definition] = None
        units = self._library.binders(definition.module, definition.name)
        if not units:
            raise Unresolvable(definition.qualified_name, "has no definition that can be taken")
        for unit in units:
            self._take(definition.module, unit)

    def _take(self, module: str, unit: Unit) -> None:
        key = (module, unit.index)
        if key in self._closure.taken:
            return
        taken = self._closure.taken[key] = Taken(module, unit)
        self._queue.append(taken)

    def _follow_unit(self, taken: Taken) -> None:
        module, unit = taken.module, taken.unit
        compound = unit.outer
        while compound is not None:
            self._closure.conditions[module, compound.start] = compound
            self._follow(module, compound.reads)
            compound = compound.outer
        for name in unit.binds:
            if unit.kind != "import":
                self._closure.definitions.setdefault(Definition(module, name))
        for imported in unit.imports:
            self._conditional_import(module, imported)
        self._add_reads(taken, unit.reads)
        if unit.kind == "class":
            self._follow_class(taken)

    def _add_reads(self, taken: Taken, reads: Reads) -> None:
        visible = _without_transparent(self._names, taken.module, reads)
        taken.reads.add(visible)
        self._reach.note(taken.module, taken.unit, visible)
        self._follow(taken.module, visible)

    def _follow_class(self, taken: Taken) -> None:
        definition = Definition(taken.module, taken.unit.binds[0])
        self._reach.add_class(definition, taken.unit)
        pending = []
        for member in taken.unit.members:
            if member.name and not self._reach.is_needed(definition, member.name):
                pending.append(member)
            else:
                self._take_member(taken, member)
        self._pending[taken.key] = pending
        if self._reach.evaluates_fields(definition):
            for chain in sorted(taken.reads.fields):
                self._follow_chain(taken.module, chain, optional=True)

    def _take_member(self, taken: Taken, member: Member) -> None:
        taken.members.append(member)
        self._add_reads(taken, member.reads)

    def _reached_members(self) -> bool:
        """Take the methods that have become reachable; whether there was any."""
        found = False
        for key, members in self._pending.items():
            taken = self._closure.taken[key]
            definition = Definition(taken.module, taken.unit.binds[0])
            reached = [m for m in members if self._reach.is_needed(definition, m.name)]
            if reached:
                found = True
                self._pending[key] = [m for m in members if m not in reached]
                for member in reached:
                    self._take_member(taken, member)
        return found

    def _keep_what_costs_nothing(self) -> None:
        """Keep also those methods that need nothing more than what is here."""
        kept = {
            key: [m for m in members if self._costs_nothing(self._closure.taken[key].module, m)]
            for key, members in self._pending.items()
        }
        while True:
            gone = {
                member.name
                for key, members in self._pending.items()
                for member in members
                if member not in kept[key]
            }
            broken = [
                (key, member)
                for key, members in kept.items()
                for member in members
                if gone & (member.reads.own | member.reads.attributes)
            ]
            if not broken:
                break
            for key, member in broken:
                kept[key].remove(member)
        for key, members in self._pending.items():
            taken = self._closure.taken[key]
            for member in members:
                if member in kept[key]:
                    self._take_member(taken, member)
                else:
                    self._closure.left_out.append(f"{taken.unit.binds[0]}.{member.name}")
        self._drain()

    def _costs_nothing(self, module: str, member: Member) -> bool:
        reads = member.reads
        if reads.imports:
            return False
        for chain in reads.eager | reads.lazy:
            target, _ = self._names.resolve_chain(module, chain)
            if target is None:
                if chain.partition(".")[0] not in _BUILTINS:
                    return False
            elif isinstance(target, Definition):
                if target not in self._closure.definitions:
                    return False
            elif isinstance(target, Outside):
                if (module, chain.partition(".")[0]) not in self._closure.foreign:
                    return False
            else:
                return False
        return True

    # Statements that run for their effect.

    def _effects(self) -> bool:
        """Take the statements that change what is in the closure; whether there was any."""
        found = False
        for module in {taken.module for taken in self._closure.taken.values()}:
            for unit in self._library.anatomy(module).units:
                if (module, unit.index) not in self._closure.taken and unit.touches:
                    if is_kept_effect(self._library, module, unit, self._closure.definitions):
                        self._take(module, unit)
                        found = True
        return found

    # Names.

    def _follow(self, module: str, reads: Reads) -> None:
        for chain in sorted(reads.eager | reads.lazy):
            self._follow_chain(module, chain)
        for imported in reads.imports:
            self._follow_local(module, imported)

    def _follow_chain(self, module: str, chain: str, *, optional: bool = False) -> None:
        target, rest = self._names.resolve_chain(module, chain)
        match target:
            case Definition():
                self._need(target, chain)
                self._reach.note_attribute(target, rest)
            case Outside():
                self._foreign(module, chain, target)
            case ModuleRef() if not optional:
                raise _as_value(chain, target, rest)
            case Missing() if not optional:
                raise Unresolvable(
                    target.dotted, "has no source in the origin (compiled or made at run time)"
                )
            case None if not optional:
                self._unbound(module, chain.partition(".")[0])

    def _unbound(self, module: str, name: str) -> None:
        if name in _BUILTINS:
            return
        if self._names.has_foreign_star(module):
            self._closure.stars.update(self._names.foreign_stars(module))
            return
        raise Unresolvable(name, f"is not defined anywhere in {module}")

    def _foreign(self, module: str, chain: str, target: Outside) -> None:
        bound = chain.partition(".")[0]
        owner, imported = self._names.foreign_import(module, chain)
        self._closure.foreign[module, owner] = imported
        if imported.name is None and imported.module == bound:
            for dotted in self._names.submodules(module, bound):
                if f"{chain}.".startswith(f"{dotted}."):
                    self._closure.submodules.add(dotted)

    def _conditional_import(self, module: str, imported: LocalImport) -> None:
        """An import that stands under a condition and was taken with it."""
        target = self._names.imported(module, imported.module, imported.level, imported.name)
        if isinstance(target, Definition):
            self._need(target, imported.bound)
        elif isinstance(target, ModuleRef):
            raise _as_value(imported.bound, target, "")

    def _follow_local(self, module: str, imported: LocalImport) -> None:
        """An import inside a function."""
        target = self._names.imported(module, imported.module, imported.level, imported.name)
        if imported.name == "*" and not isinstance(target, Outside):
            raise Unresolvable(imported.module, "all its names are imported inside a function")
        if isinstance(target, Definition):
            self._need(target, imported.bound)
            for chain in imported.chains:
                self._reach.note_attribute(target, chain)
        elif isinstance(target, ModuleRef):
            for chain in sorted(imported.chains):
                self._follow_in_module(target, chain)

    def _follow_in_module(self, module: ModuleRef, chain: str) -> None:
        target, rest = resolve_in(self._library, module, chain)
        if isinstance(target, Definition):
            self._need(target, chain)
            self._reach.note_attribute(target, rest)
        elif not isinstance(target, Outside):
            raise _as_value(module.module, module, chain)

    # Annotations.

    def _annotations(self) -> None:
        """Note what only annotates; imports of other packages for it are taken."""
        for taken in self._closure.taken.values():
            for chain in sorted(taken.reads.annotations | taken.reads.fields):
                target, _ = self._names.resolve_chain(taken.module, chain)
                name = chain.partition(".")[0]
                if isinstance(target, Outside):
                    if (taken.module, name) not in self._closure.foreign:
                        self._closure.annotations[taken.module, name] = target
                elif target is None and name in _BUILTINS:
                    continue
                elif target not in self._closure.definitions:
                    stands_for = target or Missing(f"{taken.module}.{name}")
                    self._closure.annotations[taken.module, name] = stands_for


def resolve_in(library: Library, module: ModuleRef, chain: str) -> tuple[Target | None, str]:
    """What a chain of attributes of a module leads to, and what is left of it."""
    target: Target | None = module
    rest = [part for part in chain.split(".") if part]
    while rest and isinstance(target, ModuleRef):
        target, rest = library.names.member(target.module, rest[0]), rest[1:]
    return target, ".".join(rest)


def _as_value(name: str, module: ModuleRef, rest: str) -> Unresolvable:
    if rest:
        reason = f"{module.module} has no {rest!r} in its source"
    else:
        reason = "a module of the origin is used as a value"
    return Unresolvable(name, reason)


def _without_transparent(names: object, module: str, reads: Reads) -> Reads:
    return reads


__all__ = ["Closure", "Iterable", "Taken", "close", "is_transparent", "resolve_in"]
