"""From one change to all that it takes: changes in the source that keep every size consistent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lemur2.evaluation.trace import Condition, Equal, Trace
from lemur2.generators.mutation.formulas import Changes, Formulas, NoValue, Number, Times, Values

_STEPS = 80  # of repairing, before giving up
_MOST_CHANGES = 24
_MOST_WAYS = 200  # to make one rule hold, looked at

_COMPARE = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "count": lambda a, b: a == b,
}


class Refused(Exception):
    """No plan: `reason` is one of few, for counting; the text says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold: two formulas compare so. `repairable`: by changing what is in them."""

    comparison: str
    one: int
    other: int
    outcome: bool
    line: int
    what: str
    repairable: bool


class Solver:
    """Finds the changes that a change takes, by a trace's rules."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.formulas = Formulas(trace)
        rules = [_of_equal(each) for each in trace.equal]
        rules += [_of_condition(each) for each in trace.conditions]
        masks = self.formulas.masks
        self._rules = [(masks[r.one] | masks[r.other], r) for r in rules]

    def solve(self, first: Changes) -> dict[int, Number]:
        """The changes that keep everything consistent, the given ones among them.

        Raises:
            Refused: There are none, or none that few steps find.
        """
        search = _Search(self)
        found = search.go(dict(first))
        if found is None:
            raise search.refusal()
        return found

    def broken(self, values: Values) -> Rule | None:
        """The first rule that does not hold; those that can be repaired come first."""
        for mask, rule in self._rules:
            if mask & values.changed and not _holds(rule, values):
                return rule
        return None


class _Search:
    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.steps = 0
        self.obstacle: Rule | None = None  # that was met first without a way around it

    def go(self, changes: dict[int, Number]) -> dict[int, Number] | None:
        self.steps += 1
        if self.steps > _STEPS or len(changes) > _MOST_CHANGES:
            return None
        values = self.solver.formulas.under(changes)
        rule = self.solver.broken(values)
        if rule is None:
            return changes
        ways = self._ways(rule, values) if rule.repairable else []
        if not ways and self.obstacle is None:
            self.obstacle = rule
        for _, site, value in ways:
            found = self.go({**changes, site: value})
            if found is not None:
                return found
        return None

    def refusal(self) -> Refused:
        rule = self.obstacle
        if rule is None or self.steps > _STEPS:
            return Refused("no consistent set of changes found in few steps")
        nodes = self.solver.trace.nodes
        where = f"line {rule.line}, {rule.what}"
        if rule.comparison == "count":
            return Refused("would change how often something repeats", where)
        if not rule.repairable:
            return Refused("would change the course of the program", where)
        if "mod" in (nodes[rule.one][0], nodes[rule.other][0]):
            return Refused("not divisible", where)
        if "const" in (nodes[rule.one][0], nodes[rule.other][0]):
            return Refused("a size is fixed where it is used", where)
        return Refused("no place to change a dependent size at", where)

    def _ways(self, rule: Rule, values: Values) -> list[tuple[float, int, Number]]:
        """Changes that would make a rule hold, the most natural first."""
        found: dict[tuple[int, Number], float] = {}
        for this, that in ((rule.one, rule.other), (rule.other, rule.one)):
            try:
                target = values[that]
                moved = values[this] != self.solver.trace.values[this]
            except NoValue:
                continue
            for site, value in islice(values.ways(this, target), _MOST_WAYS):
                cost = self.cost(site, value, values.changes) + (1.5 if moved else 0)
                if _sane(value):
                    key = (site, value)
                    found[key] = min(cost, found.get(key, cost))
        return sorted((cost, site, value) for (site, value), cost in found.items())[:6]

    def cost(self, site: int, value: Number, changes: Changes) -> float:
        """How unnatural a change is."""
        return cost(self.solver, site, value, changes)


def cost(solver: Solver, site: int, value: Number, changes: Changes) -> float:
    """Small for a number that changes as another did; more for arguments that get overridden."""
    if isinstance(value, Times):
        known = any(isinstance(each, Times) and each == value for each in changes.values())
        return 0.0 if known else 5.0
    place, old = solver.trace.sites[site], old_value(solver, site)
    total = 0.0 if place.literal else 3.0
    total += 0.5 if place.count > 1 and not place.literal else 0.0
    if place.different > 1:
        total += 4.0
    same = any(new == value and old_value(solver, other) == old for other, new in changes.items())
    if old and value and (value / old) > 0:
        total += 0.25 * abs(math.log2(value / old))
    return total if same else total + 1.0


def old_value(solver: Solver, site: int) -> Number | None:
    """What a site came to; the first of its values where it had several."""
    return _old_values(solver).get(site)


def _old_values(solver: Solver) -> dict[int, Number]:
    known = solver.__dict__.get("_olds")
    if known is None:
        known = {}
        for (kind, *rest), value in zip(solver.trace.nodes, solver.trace.values, strict=True):
            if kind in ("lit", "via"):
                known.setdefault(rest[0], value)
        solver.__dict__["_olds"] = known
    found: dict[int, Number] = known
    return found


def _sane(value: Number) -> bool:
    return 0 <= value < 1 << 24


def _holds(rule: Rule, values: Values) -> bool:
    try:
        holds: bool = _COMPARE[rule.comparison](values[rule.one], values[rule.other])
    except NoValue:
        return False
    return holds == rule.outcome


def _of_equal(equal: Equal) -> Rule:
    what = f"{equal.operation} in {equal.module or 'Net'}"
    return Rule("eq", equal.one, equal.other, True, equal.line, what, True)


def _of_condition(condition: Condition) -> Rule:
    name, outcome = condition.comparison, condition.outcome
    repairable = (name, outcome) in (("eq", True), ("ne", False))
    return Rule(name, condition.one, condition.other, outcome, condition.line, name, repairable)


def candidates(solver: Solver, node: int, target: Number) -> Iterator[dict[int, Number]]:
    """First changes that make a formula come to a target, the most natural first."""
    values = solver.formulas.under({})
    ways = {(site, value) for site, value in values.ways(node, target) if _sane(value)}
    old = solver.trace.values[node]
    ranked = sorted(
        (cost(solver, s, v, {}) + (0 if old_value(solver, s) == old else 2), s, v) for s, v in ways
    )
    for _, site, value in ranked:
        yield {site: value}
