"""Whether a trace can be of a file: what a worker says of places and numbers is its own word."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation.trace import Position, Trace, numbers
from lemur2.generators.mutation.code_mutator import CodeMutator

_MOST = 1 << 62  # of a number
_MOST_SITES = 20_000
_MOST_BITS = 1 << 31  # of the sets of sites that formulas are worked out with: one for each node
_MOST_SHIFT = 64
_SIZE = re.compile(r".*(size|stride|padding|dilation|groups|channels|features|dim|heads|layers)")


def check(trace: Trace, source: str) -> None:
    """Refuse a trace that planning could not work with.

    Raises:
        Refusal: (`forbidden`) A place is not in the file, a number is none that a size could
            come to, or there are more places and formulas than a file could have.
    """
    sites, nodes = len(trace.sites), len(trace.nodes)
    if sites > _MOST_SITES or sites * nodes > _MOST_BITS:
        raise _unsound(f"{sites:,} places and {nodes:,} formulas")
    constants = [rest[0] for kind, *rest in trace.nodes if kind == "const"]
    if not all(isinstance(v, float) or abs(v) <= _MOST for v in (*trace.values, *constants)):
        raise _unsound("a number that no size comes to")
    if not all(_is_size(trace.values[node]) for node in _sizes(trace)):
        raise _unsound("a size that is none")
    for kind, *rest in trace.nodes:
        if kind in ("pow", "lshift", "rshift") and not abs(trace.values[rest[1]]) <= _MOST_SHIFT:
            raise _unsound("a power that no size comes to")
    code = CodeMutator(source)
    for position in set(_positions(trace)):
        _check_position(code, position)


def _is_size(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= _MOST


def _sizes(trace: Trace) -> Iterator[int]:
    """The nodes that planning takes as sizes; others may be infinite, as what masks with is."""
    for module in trace.modules:
        for axes in (*module.parameters.values(), *module.inputs, *module.outputs):
            yield from axes
        for name, argument in module.arguments.items():
            if _SIZE.fullmatch(name):
                yield from numbers(argument)


def _positions(trace: Trace) -> Iterator[Position]:
    yield from (site.position for site in trace.sites)
    yield from (position for _, position in trace.functions)
    for module in trace.modules:
        yield from module.stack


def _check_position(code: CodeMutator, position: Position) -> None:
    line, column, end_line, end_column = position
    try:
        if column < 0 or end_column < 0 or (line, column) > (end_line, end_column):
            raise ValueError(position)
        code.text(position)
    except ValueError as error:  # there is no such line, or it is no character's beginning
        raise _unsound("a place that is not in the file") from error


def _unsound(what: str) -> Refusal:
    return Refusal(Verdict.FORBIDDEN, f"the worker's trace cannot be: {what}")
