"""Numbers that remember: an `int` or `float` with the formula that it came from."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

Node = int  # index into a tape's `nodes`
Number = int | float

BINARY: dict[str, Callable[[Any, Any], Any]] = {
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
UNARY: dict[str, Callable[[Any], Any]] = {
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
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_MAX_CONDITIONS = 50_000


class Tape:
    """All formulas of one trace, each stored once, and the comparisons that were decided by them.

    Attributes:
        nodes: `["lit", site]`, `["via", site, node]`, `["const", value]` or `[operation, node,
            ...]`; operands come before what uses them.
        values: What each node came to.
        conditions: (comparison, node, node, outcome, line) in the order in which they were first
            decided; `count` stands for a number that something was repeated by.
    """

    def __init__(self) -> None:
        self.nodes: list[tuple[Any, ...]] = []
        self.values: list[Number] = []
        self.conditions: dict[tuple[str, Node, Node, bool], int] = {}
        self._index: dict[tuple[Any, ...], Node] = {}

    def node(self, key: tuple[Any, ...], value: Number) -> Node:
        """The node of a formula that came to a value."""
        kind = (*key, type(value)) if key[0] == "const" else key
        found = self._index.get(kind)
        if found is None:
            found = self._index[kind] = len(self.nodes)
            self.nodes.append(key)
            self.values.append(value)
        return found

    def of(self, value: Any) -> Node:
        """The node of a number, traced or not."""
        if isinstance(value, TracedInt | TracedFloat):
            return value.node
        return self.const(value)

    def const(self, value: Number) -> Node:
        """The node of a number that no place in the source stands for."""
        return self.node(("const", value), value)

    def binary(self, name: str, one: Node, other: Node) -> Node:
        """A formula of two others; constants are folded."""
        value = BINARY[name](self.values[one], self.values[other])
        if self.is_const(one) and self.is_const(other):
            return self.const(value)
        if name == "mul" and self._is(one, 1):
            return other
        if (name in ("mul", "floordiv") and self._is(other, 1)) or (
            name in ("add", "sub") and self._is(other, 0)
        ):
            return one
        return self.node((name, one, other), value)

    def product(self, nodes: Iterable[Node]) -> Node:
        """Their product; 1 of none."""
        result = self.const(1)
        for node in nodes:
            result = self.binary("mul", result, node)
        return result

    def total(self, nodes: Iterable[Node]) -> Node:
        """Their sum; 0 of none."""
        result: Node | None = None
        for node in nodes:
            result = node if result is None else self.binary("add", result, node)
        return self.const(0) if result is None else result

    def is_const(self, node: Node) -> bool:
        """Whether nothing in the source can change it."""
        return self.nodes[node][0] == "const"

    def _is(self, node: Node, value: int) -> bool:
        return self.is_const(node) and self.values[node] == value

    def decided(self, name: str, one: Node, other: Node, outcome: bool, line: int) -> None:
        """A comparison was made, on which the course of the program may depend."""
        if self.is_const(one) and self.is_const(other):
            return
        if len(self.conditions) < _MAX_CONDITIONS:
            self.conditions.setdefault((name, one, other, outcome), line)


_current: list[Tape] = []  # the tape that traced numbers write to; one trace per process
_line: list[Callable[[], int]] = [lambda: 0]


def start(line: Callable[[], int]) -> Tape:
    """Begin a trace; `line` says where the candidate's program is."""
    tape = Tape()
    _current[:] = [tape]
    _line[:] = [line]
    return tape


def traced(value: Number, node: Node) -> Any:
    """A number that remembers its node."""
    if isinstance(value, float):
        return _with_node(TracedFloat(value), node)
    return _with_node(TracedInt(value), node)


def plain(value: Any) -> Any:
    """A number without its memory."""
    if isinstance(value, TracedInt):
        return int.__int__(value)
    if isinstance(value, TracedFloat):
        return float.__float__(value)
    return value


def is_number(value: Any) -> bool:
    """An int or a float, but no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def unary(name: str, value: Any) -> Any:
    """A function of one traced number."""
    tape = _current[0]
    result = UNARY[name](plain(value))
    return traced(result, tape.node((name, value.node), result))


def count(value: Any) -> None:
    """Something is repeated by this number."""
    if isinstance(value, TracedInt):
        tape = _current[0]
        tape.decided("count", value.node, tape.const(int.__int__(value)), True, _line[0]())


class TracedInt(int):
    """An `int` with the node of its formula."""

    node: Node

    def __hash__(self) -> int:
        return int.__hash__(self)

    def __bool__(self) -> bool:
        return _compare("ne", self, 0)

    def __round__(self, digits: Any = None) -> Any:
        return self if digits is None else round(int.__int__(self), plain(digits))

    def __floor__(self) -> Any:
        return self

    def __ceil__(self) -> Any:
        return self

    def __trunc__(self) -> Any:
        return self


class TracedFloat(float):
    """A `float` with the node of its formula."""

    node: Node

    def __hash__(self) -> int:
        return float.__hash__(self)

    def __bool__(self) -> bool:
        return _compare("ne", self, 0)

    def __round__(self, digits: Any = None) -> Any:
        return unary("round", self) if digits is None else round(plain(self), plain(digits))

    def __floor__(self) -> Any:
        return unary("floor", self)

    def __ceil__(self) -> Any:
        return unary("ceil", self)

    def __trunc__(self) -> Any:
        return unary("trunc", self)


def _with_node(number: Any, node: Node) -> Any:
    number.node = node
    return number


def _compare(name: str, one: Any, other: Any) -> bool:
    tape = _current[0]
    outcome = COMPARISONS[name](plain(one), plain(other))
    tape.decided(name, tape.of(one), tape.of(other), outcome, _line[0]())
    return outcome


def _operator(name: str, *, reflected: bool) -> Callable[[Any, Any], Any]:
    function = BINARY[name]

    def method(self: Any, other: Any) -> Any:
        if not is_number(other):
            if name == "mul" and isinstance(other, list | tuple | str):
                count(self)
            return NotImplemented
        one, two = (other, self) if reflected else (self, other)
        value = function(plain(one), plain(two))
        if not is_number(value):
            return value
        tape = _current[0]
        return traced(value, tape.binary(name, tape.of(one), tape.of(two)))

    return method


def _divmod(self: Any, other: Any) -> Any:
    return (self // other, self % other)


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return _compare(name, self, other) if is_number(other) else NotImplemented

    return method


for _class in (TracedInt, TracedFloat):
    for _name in BINARY:
        if _class is TracedFloat and _name.endswith("shift"):
            continue
        setattr(_class, f"__{_name}__", _operator(_name, reflected=False))
        setattr(_class, f"__r{_name}__", _operator(_name, reflected=True))
    for _name in COMPARISONS:
        setattr(_class, f"__{_name}__", _comparison(_name))
    _others: dict[str, Callable[..., Any]] = {
        "divmod": _divmod,
        "neg": lambda self: unary("neg", self),
        "abs": lambda self: self if plain(self) >= 0 else unary("abs", self),
        "pos": lambda self: self,
    }
    for _name, _method in _others.items():
        setattr(_class, f"__{_name}__", _method)
