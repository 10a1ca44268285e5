"""Formulas over places in the source: what they come to after changes, and how to change them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lemur2.generators.mutation.trace import Trace

Number = int | float
Changes = Mapping[int, Number]  # site -> its new value

_MOST = 1 << 40  # of any number; no size of a network is near
_UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": operator.neg,
    "int": int,
    "float": float,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "abs": abs,
    "sqrt": math.sqrt,
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "truediv": operator.truediv,
    "mod": operator.mod,
    "pow": operator.pow,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
}


class NoValue(Exception):
    """A formula has no value, or none that a size could have."""


class Formulas:
    """A trace's formulas.

    Attributes:
        masks: For each node, the set of the sites in it, as bits.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.masks: list[int] = []
        for kind, *rest in trace.nodes:
            mask = 0
            if kind == "lit":
                mask = 1 << rest[0]
            elif kind == "via":
                mask = 1 << rest[0] | self.masks[rest[1]]
            elif kind != "const":
                for each in rest:
                    mask |= self.masks[each]
            self.masks.append(mask)

    def under(self, changes: Changes) -> Values:
        """All values after changes."""
        return Values(self, changes)

    def sites(self, node: int) -> list[int]:
        """The sites in a formula."""
        return bits(self.masks[node])


def bits(mask: int) -> list[int]:
    """The positions of the bits that are set."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


class Values:
    """What formulas come to after changes; worked out when asked."""

    def __init__(self, formulas: Formulas, changes: Changes) -> None:
        self.changes = changes
        self.changed = 0
        for site in changes:
            self.changed |= 1 << site
        self._masks, self._trace = formulas.masks, formulas.trace
        self._known: dict[int, Number] = {}

    def __getitem__(self, node: int) -> Number:
        """A node's value. Raises NoValue."""
        if not self._masks[node] & self.changed:
            return self._trace.values[node]
        found = self._known.get(node)
        if found is None:
            found = self._known[node] = self._work_out(node)
        return found

    def _work_out(self, node: int) -> Number:
        kind, *rest = self._trace.nodes[node]
        if kind in ("lit", "via"):
            found = self.changes.get(rest[0])
            return self[rest[1]] if found is None else found
        operands = [self[each] for each in rest]
        if kind in ("pow", "lshift", "rshift") and not 0 <= operands[1] <= 64:
            raise NoValue(kind)
        try:
            function: Any = _UNARY[kind] if len(operands) == 1 else _BINARY[kind]
            value = function(*operands)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise NoValue(kind) from error
        if isinstance(value, complex) or not -_MOST < value < _MOST:
            raise NoValue(kind)
        result: Number = value
        return result

    def ways(self, node: int, target: Number) -> Iterator[tuple[int, Number]]:
        """Single changes (site, new value) that could make a formula come to a target."""
        kind, *rest = self._trace.nodes[node]
        if kind == "lit":
            if rest[0] not in self.changes:
                yield rest[0], target
        elif kind == "via":
            if rest[0] not in self.changes:
                yield from self.ways(rest[1], target)
                yield rest[0], target
        elif kind != "const" and self._masks[node] & ~self.changed:
            yield from self._ways_through(kind, rest, target)

    def _ways_through(
        self, kind: str, rest: list[int], target: Number
    ) -> Iterator[tuple[int, Number]]:
        try:
            operands = [self[each] for each in rest]
            found = list(_inverses(kind, operands, target))
        except (NoValue, ArithmeticError):
            return
        for index, value in found:
            yield from self.ways(rest[index], value)


def _inverses(kind: str, operands: list[Number], target: Number) -> Iterator[tuple[int, Number]]:
    """For each operand, what it must be for an operation to come to a target."""
    if len(operands) == 1:
        if kind == "neg":
            yield 0, -target
        elif kind in ("int", "float", "round", "floor", "ceil", "trunc"):
            yield 0, target
        elif kind == "sqrt":
            yield 0, target * target
        return
    one, other = operands
    if kind == "add":
        yield from ((0, target - other), (1, target - one))
    elif kind == "sub":
        yield from ((0, target + other), (1, one - target))
    elif kind == "mul":
        yield from _divided(0, target, other)
        yield from _divided(1, target, one)
    elif kind in ("floordiv", "truediv"):
        remainder = one % other if kind == "floordiv" and 0 < one % other < other else 0
        yield 0, target * other + remainder
        yield from _divided(1, one, target)
    elif kind == "pow" and isinstance(other, int) and other > 0 and target > 0:
        yield 0, round(target ** (1 / other))
    elif kind == "lshift" and target % (1 << int(other)) == 0:
        yield 0, int(target) >> int(other)


def _divided(index: int, target: Number, by: Number) -> Iterator[tuple[int, Number]]:
    if by == 0:
        return
    if isinstance(target, int) and isinstance(by, int):
        if target % by == 0:
            yield index, target // by
        return
    value = target / by
    yield index, round(value) if abs(value - round(value)) < 1e-6 else value
