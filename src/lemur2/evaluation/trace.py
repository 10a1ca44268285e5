"""What tracing found of a network, checked and typed: all that a mutation is planned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lemur2.architecture import Refusal, Verdict
from lemur2.texts import one_line

Position = tuple[int, int, int, int]  # line, column, end line, end column; columns in bytes
Argument = int | tuple[int, ...] | None  # a node, or one for each side; None: no number

UNARY = frozenset({"neg", "int", "float", "round", "floor", "ceil", "trunc", "abs", "sqrt"})
BINARY = frozenset({"add", "sub", "mul", "floordiv", "truediv", "mod", "pow", "lshift", "rshift"})
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "count"})


@dataclass(frozen=True, slots=True)
class Site:
    """A place where a number can be changed.

    Attributes:
        literal: Whether it is a number in the source; else the argument of a call.
        position: Its text.
        count: How often it was evaluated.
        different: How many different values it had.
    """

    literal: bool
    position: Position
    count: int
    different: int


@dataclass(frozen=True, slots=True)
class Equal:
    """Two formulas that must come to the same, and where in the network that was found."""

    one: int
    other: int
    module: str
    operation: str
    line: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that the program made, on which its course may depend."""

    comparison: str
    one: int
    other: int
    outcome: bool
    line: int


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the network.

    Attributes:
        name: In the network, `layer1.0.conv1`.
        kind: Its class, `torch.nn.modules.conv.Conv2d`.
        stack: The call in the file that made it, then those that led there.
        arguments: The numbers that its constructor was called with, as nodes.
        flags: What else it was called with, where that is a flag, a text or None.
        parameters: Its own parameters' axes, as nodes.
        read: Whether code outside it reads its parameters or parts.
        order: When it first ran; -1 if it never did.
        calls: How often it ran in a training and an evaluation pass together.
        inputs, outputs: Axes of what went in and came out.
    """

    name: str
    kind: str
    stack: tuple[Position, ...]
    arguments: Mapping[str, Argument]
    flags: Mapping[str, Any]
    parameters: Mapping[str, tuple[int, ...]]
    read: bool
    order: int
    calls: int
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]

    @property
    def short(self) -> str:
        """The class without its package."""
        return self.kind.rpartition(".")[2]

    @property
    def of_torch(self) -> bool:
        """Whether its class is torch's own."""
        return self.kind.startswith("torch.nn.")


@dataclass(frozen=True)
class Trace:
    """A traced network.

    Attributes:
        size: The input size that it was traced at.
        nodes, values: Formulas and what they come to; operands come before their users.
        sites: Where numbers can be changed.
        equal: What must agree for the network to run.
        conditions: What must stay so for the program to take the same course.
        modules: All modules, in the network's order.
        functions: Calls of torch functions in the file itself: (name, position).
        names: How the file spells `torch`, `nn` and `functional`.
        unknown: Operations that tracing has no rule for.
    """

    size: int
    nodes: tuple[tuple[Any, ...], ...]
    values: tuple[int | float, ...]
    sites: tuple[Site, ...]
    equal: tuple[Equal, ...]
    conditions: tuple[Condition, ...]
    modules: tuple[Module, ...]
    functions: tuple[tuple[str, Position], ...]
    names: Mapping[str, str]
    unknown: Mapping[str, int]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Trace:
        """Check what a worker said.

        Raises:
            Refusal: It is not well-formed (`forbidden`).
        """
        try:
            return _read(raw)
        except _MALFORMED as error:
            raise Refusal(Verdict.FORBIDDEN, "the worker's trace cannot be read") from error

    def shape(self, nodes: Sequence[int]) -> tuple[int, ...]:
        """Axes as numbers."""
        return tuple(int(self.values[node]) for node in nodes)


def _read(raw: Mapping[str, Any]) -> Trace:
    sites = tuple(
        Site(kind == "lit", tuple(map(int, where)), int(count), int(different))  # type: ignore[arg-type]
        for kind, *where, count, different in raw["sites"]
    )
    nodes = tuple(_node(index, node, len(sites)) for index, node in enumerate(raw["nodes"]))
    values = tuple(map(_number, raw["values"]))
    if len(values) != len(nodes):
        raise ValueError("values")
    within = range(len(nodes))
    return Trace(
        size=int(raw["size"]),
        nodes=nodes,
        values=values,
        sites=sites,
        equal=tuple(
            Equal(_in(a, within), _in(b, within), one_line(m), one_line(o), int(line))
            for a, b, m, o, line in raw["equal"]
        ),
        conditions=tuple(
            Condition(_of(name, COMPARISONS), _in(a, within), _in(b, within), bool(out), int(line))
            for name, a, b, out, line in raw["conditions"]
        ),
        modules=tuple(_module(each, within) for each in raw["modules"]),
        functions=tuple((one_line(name), _position(where)) for name, *where in raw["functions"]),
        names={str(k): _identifier(v) for k, v in raw["names"].items()},
        unknown={one_line(k, 99): int(v) for k, v in raw["unknown"].items()},
    )


def _node(index: int, node: Sequence[Any], sites: int) -> tuple[Any, ...]:
    kind, *rest = node
    before = range(index)
    if kind == "const":
        return kind, _number(rest[0])
    if kind == "lit":
        return kind, _in(rest[0], range(sites))
    if kind == "via":
        return kind, _in(rest[0], range(sites)), _in(rest[1], before)
    operands = 1 if kind in UNARY else 2
    if kind not in UNARY | BINARY or len(rest) != operands:
        raise ValueError(kind)
    return kind, *(_in(each, before) for each in rest)


def _module(raw: Mapping[str, Any], within: range) -> Module:
    arguments: dict[str, Argument] = {}
    flags = {}
    for name, value in raw["arguments"].items():
        if isinstance(value, dict):
            flags[_identifier(name)] = _flag(value["value"])
        elif isinstance(value, list):
            arguments[_identifier(name)] = _all(value, within)
        else:
            arguments[_identifier(name)] = _in(value, within)
    return Module(
        name=one_line(raw["name"]),
        kind=one_line(raw["class"]),
        stack=tuple(map(_position, raw["stack"])),
        arguments=arguments,
        flags=flags,
        parameters={one_line(k): _all(v, within) for k, v in raw["parameters"].items()},
        read=bool(raw["read"]),
        order=int(raw["order"]),
        calls=int(raw["calls"]),
        inputs=tuple(_all(each, within) for each in raw["inputs"]),
        outputs=tuple(_all(each, within) for each in raw["outputs"]),
    )


def _flag(value: Any) -> bool | str | None:
    if not (value is None or isinstance(value, bool | str)):
        raise TypeError(type(value))
    return one_line(value) if isinstance(value, str) else value


def _position(raw: Sequence[Any]) -> Position:
    line, column, end, end_column = map(int, raw)
    return line, column, end, end_column


def _all(raw: Sequence[Any], within: range) -> tuple[int, ...]:
    return tuple(_in(each, within) for each in raw)


def _in(value: Any, within: range) -> int:
    if type(value) is not int or value not in within:
        raise ValueError(value)
    return value


def _of(value: Any, names: frozenset[str]) -> str:
    if value not in names:
        raise ValueError(value)
    return str(value)


def _number(value: Any) -> int | float:
    if type(value) not in (int, float):
        raise TypeError(type(value))
    number: int | float = value
    return number


def _identifier(value: Any) -> str:
    if not str(value).isidentifier():
        raise ValueError(value)
    return str(value)


def numbers(argument: Argument) -> Iterator[int]:
    """An argument's nodes."""
    if isinstance(argument, tuple):
        yield from argument
    elif argument is not None:
        yield argument
