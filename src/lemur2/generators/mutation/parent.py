"""A traced parent, as plans are made from it: modules by the call that made them, and its text."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lemur2.architecture.syntax import parse
from lemur2.evaluation.trace import Module, Position, Trace, numbers
from lemur2.generators.mutation.code_mutator import CodeMutator, Edit
from lemur2.generators.mutation.formulas import Changes, NoValue, Number, Times
from lemur2.generators.mutation.plans import Plan
from lemur2.generators.mutation.solver import Refused, Solver

_GROWTH = 4.0  # most parameters of a mutant, in its parent's
_STEPS = ("kernel_size", "stride", "dilation", "groups")
_NAMED = 6  # modules that a description lists


@dataclass(frozen=True)
class Group:
    """The modules that one call in the source made: several where it ran several times."""

    position: Position
    modules: tuple[Module, ...]

    @property
    def first(self) -> Module:
        """One of them."""
        return self.modules[0]

    @property
    def label(self) -> str:
        """For descriptions."""
        more = f" and {len(self.modules) - 1} more" if len(self.modules) > 1 else ""
        return f"{self.first.name}{more}"


class Parent:
    """What planning needs of a parent."""

    def __init__(self, code: CodeMutator, trace: Trace, solver: Solver) -> None:
        self.code, self.trace, self.solver = code, trace, solver

    @cached_property
    def groups(self) -> list[Group]:
        """Modules that ran, by the call that made them, in the order in which they ran."""
        by_call: dict[Position, list[Module]] = defaultdict(list)
        for module in self.trace.modules:
            if module.stack and module.name:
                by_call[module.stack[0]].append(module)
        found = []
        for position, modules in by_call.items():
            names = {module.name for module in modules}
            outer = [m for m in modules if not _inside(m.name, names)]
            if len({m.kind for m in outer}) == 1 and any(m.calls for m in outer):
                found.append(Group(position, tuple(outer)))
        return sorted(found, key=lambda group: group.first.order)

    def call(self, group: Group) -> ast.Call | None:
        """The call that made a group's modules, parsed by itself; None where it is no call."""
        return parsed_call(self.code.text(group.position))

    def out_of_reach(self) -> str:
        """Which layers another file's code makes, so that no edit reaches them; "" for none."""
        made: dict[tuple[str, int], list[str]] = defaultdict(list)
        for module in self.trace.modules:
            if not (module.parameters and module.calls and module.stack):
                continue
            call = parsed_call(self.code.text(module.stack[0]))
            maker = ast.unparse(call.func) if call is not None else "an import"
            if maker.rpartition(".")[2].removeprefix("Lazy") != module.short:
                made[maker, module.stack[0][0]].append(module.name)
        parts = []
        for (maker, line), names in made.items():
            listed = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
            parts.append(f"{len(names)} layers ({listed}) are made inside {maker} (line {line})")
        return " and ".join(parts) and f"{' and '.join(parts)}, whose code is not in the file"

    def numeric(
        self, kind: str, target: Module, first: Changes, wanted: Sequence[tuple[int, Number]]
    ) -> Plan:
        """The plan that a first change of numbers leads to.

        Args:
            kind: Of the plan.
            target: The module that it is about.
            first: The change.
            wanted: What formulas of the target it is to give which values.

        Raises:
            Refused: There is none.
        """
        changes = self.solver.solve(first)
        self._check_target(kind, target, changes, wanted)
        self._check_growth(changes)
        self._check_windows(changes)
        shapes = self._shapes(changes)
        edits = _outermost([self._edit(site, v) for site, v in sorted(changes.items())])
        says = self._says(target.name, changes)
        key = " ".join([kind, *(f"{s}={v!r}" for s, v in sorted(changes.items()))])
        return Plan(kind=kind, edits=edits, says=says, shapes=shapes, key=key)

    def _check_target(
        self, kind: str, target: Module, changes: Changes, wanted: Sequence[tuple[int, Number]]
    ) -> None:
        values = self.solver.formulas.under(changes)
        if any(values[node] != value for node, value in wanted[:1]):
            raise Refused("another change undoes it")
        if kind in ("width", "symbolic"):
            return
        free = {node for node, _ in wanted} | set(numbers(target.arguments.get("padding")))
        for argument in target.arguments.values():
            for node in numbers(argument):
                if node not in free and values[node] != self.trace.values[node]:
                    raise Refused("would change something else of the layer too")

    def _edit(self, site: int, value: Number) -> Edit:
        position = self.trace.sites[site].position
        if isinstance(value, Times):
            text = self.code.text(position)
            simple = re.fullmatch(r"[\w.]+", text) is not None
            return Edit(position, f"{text if simple else f'({text})'} * {int(value)}")
        whole = isinstance(value, int) or value == int(value)
        return Edit(position, str(int(value)) if whole else f"{value:g}")

    def _shapes(self, changes: Changes) -> dict[str, dict[str, tuple[int, ...]]]:
        values = self.solver.formulas.under(changes)
        found: dict[str, dict[str, tuple[int, ...]]] = {}
        try:
            for module in self.trace.modules:
                for name, nodes in module.parameters.items():
                    shape = tuple(int(values[node]) for node in nodes)
                    found.setdefault(module.name, {})[name] = shape
        except NoValue as error:
            raise Refused("a size would have no value") from error
        if any(size < 1 for shapes in found.values() for s in shapes.values() for size in s):
            raise Refused("a size would become zero")
        return found

    def _check_growth(self, changes: Changes) -> None:
        values = self.solver.formulas.under(changes)
        before = after = 0.0
        for module in self.trace.modules:
            for nodes in module.parameters.values():
                one = two = 1.0
                for node in nodes:
                    try:
                        one, two = one * self.trace.values[node], two * values[node]
                    except NoValue as error:
                        raise Refused("a size would have no value") from error
                before, after = before + one, after + two
        if after > _GROWTH * before + 1e6:
            raise Refused("would have too many parameters")

    def _check_windows(self, changes: Changes) -> None:
        """Refuse what torch's windows do not take: steps of 0, poolings padded beyond a half."""
        values = self.solver.formulas.under(changes)
        for module in self.trace.modules:
            if not (module.of_torch and module.calls):
                continue
            try:
                given = {k: [values[n] for n in numbers(a)] for k, a in module.arguments.items()}
            except NoValue as error:
                raise Refused("a size would have no value") from error
            steps = [each for name in _STEPS for each in given.get(name, ())]
            most = min(given.get("kernel_size", ()), default=0) // 2
            padded = "Pool" in module.kind and max(given.get("padding", ()), default=0) > most
            if padded or any(each < 1 for each in steps):
                raise Refused("no window that torch takes")

    def _says(self, target: str, changes: Changes) -> str:
        moved = {}
        for module in self.trace.modules:
            if (module.of_torch or module.parameters) and (parts := self._moved(module, changes)):
                moved[module.name] = parts
        ordered = sorted(moved, key=lambda name: name != target)
        if not ordered:
            return f"{target}: changed"
        first, *rest = ordered
        listed = ", ".join(f"{name} ({moved[name]})" for name in rest[:_NAMED])
        more = f" and {len(rest) - _NAMED} more" if len(rest) > _NAMED else ""
        follows = f"; follows {listed}{more}" if rest else ""
        return f"{first}: {moved[first]}{follows}"

    def _moved(self, module: Module, changes: Changes) -> str:
        values = self.solver.formulas.under(changes)
        parts = []
        for name, argument in module.arguments.items():
            for node in numbers(argument):
                old, new = self.trace.values[node], values[node]
                if old != new:
                    parts.append(f"{name} {old:g} -> {new:g}")
                    break
        return ", ".join(parts)


def _outermost(edits: list[Edit]) -> tuple[Edit, ...]:
    """Edits without those inside the text that another one replaces."""
    spans = [(each.position[:2], each.position[2:]) for each in edits]
    return tuple(
        edit
        for edit, (start, end) in zip(edits, spans, strict=True)
        if not any(a <= start and end <= b and (a, b) != (start, end) for a, b in spans)
    )


def _inside(name: str, names: set[str]) -> bool:
    while "." in name:
        name = name.rpartition(".")[0]
        if name in names:
            return True
    return False


def parsed_call(text: str) -> ast.Call | None:
    """A call's own text, parsed; None where it is no call."""
    try:
        tree = parse(f"({text}\n)", mode="eval").body
    except SyntaxError:
        return None
    return tree if isinstance(tree, ast.Call) else None
