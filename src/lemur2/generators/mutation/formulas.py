"""Formulas over places in the source: what they come to after changes, and how to change them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lemur2.evaluation.trace import Trace

Number = int | float
Changes = Mapping[int, Number]  # site -> its new value

_DEEP = 60  # operations that are looked through for a place to change
_MOST_TIMES = 8
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


class Times(int):
    """A change of an argument by a factor: `width` becomes `width * 2`, whatever it comes to."""

    def __repr__(self) -> str:
        return f"*{int(self)}"


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
        waiting = [node]
        while waiting:  # no recursion: formulas can be thousands of steps deep
            each = waiting[-1]
            needs = [other for other in self._operands(each) if not self._is_known(other)]
            if needs and not self._is_known(each):
                waiting += needs
                continue
            waiting.pop()
            if not self._is_known(each):
                self._known[each] = self._work_out(each)
        return self._value(node)

    def _is_known(self, node: int) -> bool:
        return not self._masks[node] & self.changed or node in self._known

    def _value(self, node: int) -> Number:
        found = self._known.get(node)
        return self._trace.values[node] if found is None else found

    def _operands(self, node: int) -> list[int]:
        kind, *rest = self._trace.nodes[node]
        if kind in ("lit", "const"):
            return []
        return rest[1:] if kind == "via" else rest

    def _work_out(self, node: int) -> Number:
        kind, *rest = self._trace.nodes[node]
        if kind in ("lit", "via"):
            found = self.changes.get(rest[0])
            if isinstance(found, Times):
                return self._value(rest[1]) * int(found)
            return self._value(rest[1]) if found is None else found
        operands = [self._value(each) for each in rest]
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

    def ways(self, node: int, target: Number, depth: int = _DEEP) -> Iterator[tuple[int, Number]]:
        """Single changes (site, new value) that could make a formula come to a target.

        Those at most `depth` operations deep.
        """
        if depth == 0:
            return
        kind, *rest = self._trace.nodes[node]
        if kind == "lit":
            if rest[0] not in self.changes:
                yield rest[0], target
        elif kind == "via":
            if rest[0] not in self.changes:
                if any(isinstance(each, Times) for each in self.changes.values()):
                    yield from self._scaled(rest[0], rest[1], target)
                yield from self.ways(rest[1], target, depth - 1)
                if self._trace.sites[rest[0]].different == 1:
                    yield rest[0], target
                else:  # a number would make all the same
                    yield from self._scaled(rest[0], rest[1], target)
        elif kind != "const" and self._masks[node] & ~self.changed:
            yield from self._ways_through(kind, rest, target, depth)

    def _scaled(self, site: int, inner: int, target: Number) -> Iterator[tuple[int, Number]]:
        try:
            value = self[inner]
        except NoValue:
            return
        if value and target % value == 0 and 2 <= target // value <= _MOST_TIMES:
            yield site, Times(target // value)

    def _ways_through(
        self, kind: str, rest: list[int], target: Number, depth: int
    ) -> Iterator[tuple[int, Number]]:
        try:
            operands = [self[each] for each in rest]
            found = list(_inverses(kind, operands, target))
        except (NoValue, ArithmeticError, ValueError):  # a number that is none has no inverse
            return
        for index, value in found:
            yield from self.ways(rest[index], value, depth - 1)


def _inverses(kind: str, operands: list[Number], target: Number) -> Iterator[tuple[int, Number]]:
    """For each operand, what it must be for an operation to come to a target."""
    if len(operands) == 1:
        if kind in ("int", "float", "round", "floor", "ceil", "trunc"):
            yield 0, target
        elif kind == "neg":
            yield 0, -target
        elif kind == "sqrt":
            yield 0, target * target
    elif kind in ("mul", "floordiv", "truediv"):
        yield from _factors(kind, operands[0], operands[1], target)
    else:
        yield from _terms(kind, operands[0], operands[1], target)


def _factors(kind: str, one: Number, other: Number, target: Number) -> Iterator[tuple[int, Number]]:
    if kind == "mul":
        yield from _divided(0, target, other)
        yield from _divided(1, target, one)
    else:
        yield 0, target * other
        if kind == "floordiv" and one % other:
            yield 0, target * other + one % other
        yield from _divided(1, one, target)


def _terms(kind: str, one: Number, other: Number, target: Number) -> Iterator[tuple[int, Number]]:
    if kind == "add":
        yield from ((0, target - other), (1, target - one))
    elif kind == "sub":
        yield from ((0, target + other), (1, one - target))
    elif kind == "mod" and target == 0 and isinstance(one, int) and isinstance(other, int):
        yield from _divisible(one, other)
    elif kind == "pow" and isinstance(other, int) and other > 0 and target > 0:
        yield 0, round(target ** (1 / other))
    elif kind == "lshift" and target % (1 << int(other)) == 0:
        yield 0, int(target) >> int(other)


def _divisible(number: int, by: int) -> Iterator[tuple[int, Number]]:
    """What number is a multiple, or what divides it: itself (depthwise), or as much as can."""
    if number > 0 and by > 0:
        yield from ((0, number // by * by), (0, (number // by + 1) * by))
        yield from ((1, number), (1, math.gcd(number, by)))


def _divided(index: int, target: Number, by: Number) -> Iterator[tuple[int, Number]]:
    if by == 0:
        return
    if isinstance(target, int) and isinstance(by, int):
        if target % by == 0:
            yield index, target // by
        return
    value = target / by
    yield index, round(value) if abs(value - round(value)) < 1e-6 else value
