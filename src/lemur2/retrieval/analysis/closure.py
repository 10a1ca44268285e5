"""The resolver: the minimal transitive closure of a definition (paper, section 9.3.2).

From the target on, every name that the code reads is followed to the definition that it stands
for, and that one's names in turn. A class's methods are followed one by one: of the classes that
the target only depends on, a method is taken when something in the closure may call it (see
`reach`). A method that cannot be closed itself is left out, and noted, where all that speaks for it
is that its name is read from an object of unknown class; anything else refuses the target. Nothing
is run.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field

from lemur2.retrieval.analysis.effects import is_idle, is_kept
from lemur2.retrieval.analysis.reach import Reach
from lemur2.retrieval.index.names import Definition, Missing, ModuleRef, Outside, Resolved, Target
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.syntax.anatomy import Compound, Decorator, Member, Unit
from lemur2.retrieval.syntax.scopes import LocalImport, Reads
from lemur2.retrieval.values import Unresolvable

#: Names that every module has without defining them.
PREDEFINED = frozenset(dir(builtins)) | {
    "__annotations__",
    "__builtins__",
    "__class__",
    "__doc__",
    "__file__",
    "__loader__",
    "__module__",
    "__name__",
    "__package__",
    "__path__",
    "__qualname__",
    "__spec__",
}

UnitKey = tuple[str, int]


@dataclass(frozen=True)
class Foreign:
    """An import of another package: what, and the name that the origin gives it."""

    outside: Outside
    bound: str


@dataclass(frozen=True)
class Namespace:
    """A module of the origin that code uses as a value (`hasattr(module, name)`)."""

    module: str

    @property
    def bound(self) -> str:
        """What it is called, where that is free."""
        return self.module.rpartition(".")[2]


Key = Definition | Foreign | Namespace


@dataclass
class Taken:
    """A statement in the closure.

    Attributes:
        module: Where it is from.
        unit: The statement.
        members: For a class, which members are taken.
        idle: Decorators that are left out.
        reads: What it reads in all, with the members that are taken.
    """

    module: str
    unit: Unit
    members: list[Member] = field(default_factory=list)
    idle: list[Decorator] = field(default_factory=list)
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
        foreign: Imports of other packages.
        namespaces: Modules used as values, to what each holds.
        submodules: Dotted modules of other packages that `import a.b` makes available.
        stars: Modules of other packages of which all names are imported.
        conditions: Compound statements around what was taken, by module and first line.
        links: What chains lead to, per module.
        annotations: Names that only annotate: (module, name) to what they stand for.
        left_out: Methods that nothing calls, as `Class.method`.
        unclosed: Methods that something may call, but that cannot be closed, and why.
    """

    target: Definition
    taken: dict[UnitKey, Taken] = field(default_factory=dict)
    definitions: dict[Definition, None] = field(default_factory=dict)
    foreign: dict[Foreign, None] = field(default_factory=dict)
    namespaces: dict[Namespace, dict[str, Key]] = field(default_factory=dict)
    submodules: set[str] = field(default_factory=set)
    stars: set[str] = field(default_factory=set)
    conditions: dict[tuple[str, int], Compound] = field(default_factory=dict)
    links: dict[str, dict[str, Key]] = field(default_factory=dict)
    annotations: dict[tuple[str, str], Target] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    unclosed: dict[str, Unresolvable] = field(default_factory=dict)


def close(view: OriginView, target: Definition) -> Closure:
    """The closure of a definition.

    Raises:
        Unresolvable: Something that it needs cannot be had; the error says what and why.
    """
    return _Closer(view, target).run()


class _Closer:
    def __init__(self, view: OriginView, target: Definition) -> None:
        self._view = view
        self._names = view.names
        self._closure = Closure(target)
        self._queue: list[Taken] = []
        self._pending: dict[UnitKey, list[Member]] = {}
        self._reach = Reach(view, target)
        self._evaluated: set[UnitKey] = set()

    def run(self) -> Closure:
        self._need(self._closure.target)
        steps = (self._fields, self._reached_members, self._effects, self._woken)
        while True:
            while self._queue:
                self._follow_unit(self._queue.pop())
            if not any(step() for step in steps):
                break
        self._keep_what_costs_nothing()
        self._annotations()
        return self._closure

    # Definitions and statements.

    def _need(self, definition: Definition) -> None:
        if definition in self._closure.definitions:
            return
        self._closure.definitions[definition] = None
        units = self._view.binders(definition.module, definition.name)
        if not units:
            raise Unresolvable(definition.qualified_name, "has no definition that can be taken")
        for unit in units:
            self._take(definition.module, unit)
            for imported in unit.imports:
                if imported.bound == definition.name:
                    self._conditional_import(definition.module, imported)

    def _take(self, module: str, unit: Unit) -> None:
        key = (module, unit.index)
        if key not in self._closure.taken:
            taken = self._closure.taken[key] = Taken(module, unit)
            self._queue.append(taken)

    def _follow_unit(self, taken: Taken) -> None:
        module, unit = taken.module, taken.unit
        compound = unit.outer
        while compound is not None:
            if (module, compound.start) not in self._closure.conditions:
                self._closure.conditions[module, compound.start] = compound
                self._follow(module, compound.reads)
                self._take_attempts(module, compound)
            compound = compound.outer
        for name in unit.binds if unit.kind != "import" else ():
            self._need(Definition(module, name))
        self._add_decorators(taken, unit.decorators)
        self._add_reads(taken, unit.reads)
        if unit.kind == "class":
            self._follow_class(taken)

    def _take_attempts(self, module: str, compound: Compound) -> None:
        """Take what decides by its failure which arms of a `try` run."""
        for unit in compound.units if compound.tries else ():
            if unit.arm == 0 and unit.kind in ("import", "effect"):
                self._take(module, unit)
                for imported in unit.imports:
                    target = self._names.imported(
                        module, imported.leads_to, imported.level, imported.name
                    )
                    if isinstance(target, Outside):
                        self._need(Definition(module, imported.bound))

    def _add_decorators(self, taken: Taken, decorators: list[Decorator]) -> None:
        needed = self._closure.definitions
        for decorator in decorators:
            if is_idle(self._view, taken.module, decorator.chain, needed):
                taken.idle.append(decorator)
            else:
                self._add_reads(taken, decorator.reads)

    def _add_reads(self, taken: Taken, reads: Reads) -> None:
        taken.reads.add(reads)
        self._reach.note(taken.module, taken.unit, reads)
        self._follow(taken.module, reads)

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

    def _take_member(self, taken: Taken, member: Member) -> None:
        definition = Definition(taken.module, taken.unit.binds[0])
        try:
            self._follow(taken.module, member.reads)
        except Unresolvable as error:
            if not member.name or self._reach.is_certain(definition, member.name):
                raise
            self._closure.unclosed[f"{definition.name}.{member.name}"] = error
            return
        taken.members.append(member)
        self._add_decorators(taken, member.decorators)
        taken.reads.add(member.reads)
        self._reach.note(taken.module, taken.unit, member.reads)

    def _fields(self) -> bool:
        """Follow the annotations of class bodies that are evaluated; whether there was any."""
        found = False
        evaluated = self._reach.evaluated_fields()
        for taken in list(self._closure.taken.values()):
            if taken.unit.kind != "class" or taken.key in self._evaluated:
                continue
            if Definition(taken.module, taken.unit.binds[0]) in evaluated:
                self._evaluated.add(taken.key)
                found = True
                for member in taken.unit.members:
                    for chain in sorted(member.reads.fields) if not member.name else ():
                        self._follow_chain(taken.module, chain, optional=True)
        return found

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
        while broken := self._broken(kept):
            for key, member in broken:
                kept[key].remove(member)
        for key, members in self._pending.items():
            taken = self._closure.taken[key]
            for member in members:
                if member in kept[key]:
                    self._take_member(taken, member)
                else:
                    self._closure.left_out.append(f"{taken.unit.binds[0]}.{member.name}")

    def _broken(self, kept: dict[UnitKey, list[Member]]) -> list[tuple[UnitKey, Member]]:
        """Methods to keep that call one which is left out."""
        gone = {
            member.name
            for key, members in self._pending.items()
            for member in members
            if member not in kept[key]
        }
        return [
            (key, member)
            for key, members in kept.items()
            for member in members
            if gone & (member.reads.own | member.reads.attributes)
        ]

    def _costs_nothing(self, module: str, member: Member) -> bool:
        if member.reads.imports:
            return False
        chains = member.reads.eager | member.reads.lazy
        for decorator in member.decorators:
            chains = chains | decorator.reads.eager | decorator.reads.lazy
        return all(self._is_here(module, chain) for chain in chains)

    def _is_here(self, module: str, chain: str) -> bool:
        found = self._names.resolve_chain(module, chain)
        match found.target:
            case None:
                return chain.partition(".")[0] in PREDEFINED
            case Definition():
                return found.target in self._closure.definitions
            case Outside():
                return _foreign(found) in self._closure.foreign
        return False

    # Statements that run for their effect.

    def _effects(self) -> bool:
        """Take the statements that change what is in the closure; whether there was any."""
        closure, found = self._closure, False
        for module in dict.fromkeys(taken.module for taken in closure.taken.values()):
            for unit in self._view.anatomy(module).units:
                if unit.typing_only or (module, unit.index) in closure.taken:
                    continue
                if is_kept(self._view, module, unit, closure.definitions):
                    self._take(module, unit)
                    found = True
        return found

    def _woken(self) -> bool:
        """Take decorators whose registry has become needed; whether there was any."""
        found = False
        for taken in list(self._closure.taken.values()):
            idle, taken.idle = taken.idle, []
            self._add_decorators(taken, idle)
            found = found or len(taken.idle) < len(idle)
        return found

    # Names.

    def _follow(self, module: str, reads: Reads) -> None:
        for chain in sorted(reads.eager | reads.lazy):
            self._follow_chain(module, chain)
            if chain.partition(".")[0] == "globals":
                self._follow_texts(module)
        for imported in reads.imports:
            self._follow_local(module, imported)

    def _follow_texts(self, module: str) -> None:
        """Names of a module that its texts have: `globals()[name]` may read any of them."""
        units = self._view.anatomy(module).units
        for name in sorted({text for unit in units for text in unit.reads.strings}):
            if self._view.binders(module, name):
                self._follow_chain(module, name, optional=True)

    def _follow_chain(self, module: str, chain: str, *, optional: bool = False) -> None:
        found = self._names.resolve_chain(module, chain)
        match found.target:
            case Definition():
                self._need(found.target)
                self._link(module, found.used, found.target)
                self._reach.note_attribute(found.target, found.rest)
            case Outside():
                self._foreign(module, chain, found)
            case ModuleRef() if not optional:
                self._link(module, found.used, self._need_namespace(found.target.module))
            case Missing() if not optional:
                raise Unresolvable(found.target.dotted, "has no source in the origin")
            case None if not optional:
                self._unbound(module, chain.partition(".")[0])

    def _link(self, module: str, chain: str, key: Key) -> None:
        self._closure.links.setdefault(module, {})[chain] = key

    def _unbound(self, module: str, name: str) -> None:
        if name in PREDEFINED:
            return
        if writers := self._view.writers(module, name):
            written = Definition(module, name)
            self._closure.definitions.setdefault(written)
            self._link(module, name, written)
            for unit in writers:
                self._take(module, unit)
            return
        stars = self._names.foreign_stars(module)
        if not stars:
            raise Unresolvable(f"{module}.{name}", "is not defined anywhere in the origin")
        self._closure.stars.update(stars)

    def _foreign(self, module: str, chain: str, found: Resolved) -> None:
        foreign = _foreign(found)
        self._closure.foreign[foreign] = None
        self._link(module, found.used, foreign)
        if foreign.outside.name is None and foreign.outside.module == foreign.bound:
            for dotted in self._names.submodules(module, foreign.bound):
                if f"{chain}.".startswith(f"{dotted}."):
                    self._closure.submodules.add(dotted)

    def _conditional_import(self, module: str, imported: LocalImport) -> None:
        """An import that stands under a condition and was taken with it."""
        target = self._names.imported(module, imported.leads_to, imported.level, imported.name)
        if isinstance(target, Definition):
            self._need(target)
        elif isinstance(target, ModuleRef):
            raise Unresolvable(target.module, "a module of the origin is used as a value")

    def _follow_local(self, module: str, imported: LocalImport) -> None:
        """An import inside a function."""
        target = self._names.imported(module, imported.leads_to, imported.level, imported.name)
        if imported.name == "*" and not isinstance(target, Outside):
            raise Unresolvable(imported.module, "all its names are imported inside a function")
        if isinstance(target, Definition):
            self._need(target)
            for chain in imported.chains:
                self._reach.note_attribute(target, chain)
        elif isinstance(target, ModuleRef):
            for chain in sorted(imported.chains):
                self._follow_in_module(target.module, chain)

    def _follow_in_module(self, module: str, chain: str) -> None:
        found = self._names.resolve_in(module, chain)
        match found.target:
            case Definition():
                self._need(found.target)
                self._reach.note_attribute(found.target, found.rest)
            case Outside():
                self._closure.foreign[_foreign(found)] = None
            case ModuleRef():
                self._need_namespace(found.target.module)
            case Missing():
                raise Unresolvable(found.target.dotted, "has no source in the origin")

    def _need_namespace(self, module: str) -> Namespace:
        """Need all of a module, because code may look up any name in it."""
        key = Namespace(module)
        if not self._names.is_plain(module):
            raise Unresolvable(module, "a package of the origin is used as a value")
        if key not in self._closure.namespaces:
            members: dict[str, Key] = {}
            self._closure.namespaces[key] = members
            made = Foreign(Outside("types", "SimpleNamespace"), "SimpleNamespace")
            self._closure.foreign[made] = None
            for name in sorted(self._names.names(module)):
                target = self._names.resolve(module, name)
                if isinstance(target, Definition):
                    self._need(target)
                    members[name] = target
                elif isinstance(target, Outside) and target.module != "__future__":
                    members[name] = Foreign(target, name)
                    self._closure.foreign[Foreign(target, name)] = None
        return key

    # Annotations.

    def _annotations(self) -> None:
        """Note the names that only annotate."""
        for taken in self._closure.taken.values():
            for chain in sorted(taken.reads.annotations | taken.reads.fields):
                found = self._names.resolve_chain(taken.module, chain)
                name = chain.partition(".")[0]
                if found.used in self._closure.links.get(taken.module, {}):
                    continue
                here = isinstance(found.target, Definition)
                if here and found.target in self._closure.definitions:
                    self._link(taken.module, found.used, found.target)
                elif found.target is not None or name not in PREDEFINED:
                    stands_for = found.target or Missing(f"{taken.module}.{name}")
                    self._closure.annotations[taken.module, name] = stands_for


def _foreign(found: Resolved) -> Foreign:
    assert isinstance(found.target, Outside)
    return Foreign(found.target, found.used.rpartition(".")[2])
