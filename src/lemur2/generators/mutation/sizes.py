"""Mutations of numbers: widths, windows, rates."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from lemur2.evaluation.trace import Module, numbers
from lemur2.generators.mutation.formulas import Number, Times
from lemur2.generators.mutation.parent import Parent
from lemur2.generators.mutation.plans import Plan
from lemur2.generators.mutation.solver import Refused, candidates

Propose = Callable[[], Plan]
_AnyNumber = TypeVar("_AnyNumber", int, float)

_WIDTHS = ("out_channels", "out_features", "embedding_dim", "hidden_size", "embed_dim")
_KINDS = {**dict.fromkeys(_WIDTHS, "width"), "kernel_size": "kernel", "p": "dropout"}
_FACTORS = (2.0, 1.5, 1.25, 0.75, 0.5, 1.125, 0.875)
_STARTS = 4  # first changes that are tried for one new size
_DROPOUTS = (0.05, 0.1, 0.15, 0.25, 0.3, 0.35, 0.4, 0.5)


def change(parent: Parent, module: Module, argument: str, value: Number) -> Plan:
    """One argument of one module's constructor gets a value, with all that follows from it.

    Raises:
        Refused: It is no number that the source says, or no consistent set of changes does it.
    """
    nodes = list(numbers(module.arguments.get(argument)))
    if not nodes or not all(parent.solver.formulas.masks[node] for node in nodes):
        raise Refused(f"{argument} is no number that the source says")
    steps: list[tuple[int, Number]] = [(node, value) for node in nodes]
    if argument == "kernel_size":
        steps += _padding(parent, module, int(value))
    return _first(parent, _KINDS.get(argument, argument), module, steps)()


def widths(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another number of channels or features, in any layer that has them."""
    targets = [
        (module, node)
        for module in parent.trace.modules
        if (node := _width(module)) is not None and parent.solver.formulas.masks[node]
    ]
    tries = [(m, n, factor) for m, n in targets for factor in _FACTORS]
    rng.shuffle(tries)
    for module, node, factor in tries:
        old = int(parent.trace.values[node])
        new = _rounded(old, factor)
        if new not in (0, old):
            yield _first(parent, "width", module, [(node, new)])


def symbolic(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """A width as an expression: `width` becomes `width * 2` where a layer is made."""
    tries = [
        (module, node, factor)
        for module in parent.trace.modules
        if (node := _width(module)) is not None and parent.trace.nodes[node][0] == "via"
        for factor in (2, 3, 4)
    ]
    rng.shuffle(tries)
    for module, node, factor in tries:
        yield _multiplied(parent, module, node, factor)


def _multiplied(parent: Parent, module: Module, node: int, factor: int) -> Propose:
    def propose() -> Plan:
        wanted = [(node, parent.trace.values[node] * factor)]
        first = {parent.trace.nodes[node][1]: Times(factor)}
        return parent.numeric("symbolic", module, first, wanted)

    return propose


def _width(module: Module) -> int | None:
    """The node of how many channels or features come out of a layer."""
    for name in _WIDTHS:
        if isinstance(node := module.arguments.get(name), int):
            return node
    return None


def _rounded(old: int, factor: float) -> int:
    step = next((s for s in (16, 8, 4, 2) if old % s == 0 and old > s), 1)
    return round(old * factor / step) * step


def kernels(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another kernel size, with the padding that keeps the feature map where there is one."""
    for module, sides in _windows(parent, rng, "kernel_size"):
        olds = [int(parent.trace.values[node]) for node in sides]
        for new in _shuffled(rng, (1, 2, 3, 5, 7)):
            if new == olds[0]:
                continue
            steps: list[tuple[int, Number]] = [(node, new) for node in sides]
            yield _first(parent, "kernel", module, steps + _padding(parent, module, new))
            yield _first(parent, "kernel", module, steps)


def _padding(parent: Parent, module: Module, kernel: int) -> list[tuple[int, Number]]:
    """What padding keeps a feature map's size with another kernel, where the source says it."""
    before = list(numbers(module.arguments.get("kernel_size")))
    dilation = [*numbers(module.arguments.get("dilation"))] or []
    found: list[tuple[int, Number]] = []
    for index, node in enumerate(numbers(module.arguments.get("padding"))):
        old = int(parent.trace.values[before[min(index, len(before) - 1)]])
        by = int(parent.trace.values[dilation[0]]) if dilation else 1
        new = parent.trace.values[node] + by * (kernel - old) / 2
        if parent.solver.formulas.masks[node] and new == int(new) and new >= 0:
            found.append((node, int(new)))
    return found


def strides(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another stride of a convolution or a pooling."""
    yield from _window_sizes(parent, rng, "stride", (1, 2, 3))


def paddings(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another padding."""
    yield from _window_sizes(parent, rng, "padding", (0, 1, 2, 3))


def dilations(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another dilation, with the padding that makes up for it."""
    for module, sides in _windows(parent, rng, "dilation"):
        old = int(parent.trace.values[sides[0]])
        kernel = [int(parent.trace.values[n]) for n in numbers(module.arguments.get("kernel_size"))]
        for new in (1, 2, 3):
            if new == old or not kernel or max(kernel) == 1:
                continue
            steps: list[tuple[int, Number]] = [(node, new) for node in sides]
            for node in numbers(module.arguments.get("padding")):
                more = (new - old) * (kernel[0] - 1) / 2
                if parent.solver.formulas.masks[node] and more == int(more):
                    steps.append((node, int(parent.trace.values[node] + more)))
            yield _first(parent, "dilation", module, steps)


def groups(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another number of groups of a convolution."""
    for module, sides in _windows(parent, rng, "groups"):
        for new in _shuffled(rng, (1, 2, 4, 8)):
            if new != parent.trace.values[sides[0]]:
                yield _first(parent, "groups", module, [(sides[0], new)])


def dropouts(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another dropout rate."""
    for module, sides in _windows(parent, rng, "p"):
        if "Dropout" not in module.kind:
            continue
        for new in _shuffled(rng, _DROPOUTS):
            if new != parent.trace.values[sides[0]]:
                yield _first(parent, "dropout", module, [(sides[0], new)])


def _window_sizes(
    parent: Parent, rng: random.Random, name: str, values: Sequence[int]
) -> Iterator[Propose]:
    for module, sides in _windows(parent, rng, name):
        for new in _shuffled(rng, values):
            if new != parent.trace.values[sides[0]]:
                yield _first(parent, name, module, [(node, new) for node in sides])


def _windows(
    parent: Parent, rng: random.Random, name: str
) -> Iterator[tuple[Module, tuple[int, ...]]]:
    """Torch's own modules that ran with an argument of this name, with its nodes."""
    found = []
    for module in parent.trace.modules:
        nodes = tuple(numbers(module.arguments.get(name)))
        masks = parent.solver.formulas.masks
        if module.of_torch and module.calls and nodes and all(masks[node] for node in nodes):
            found.append((module, nodes))
    rng.shuffle(found)
    yield from found


def _first(
    parent: Parent, kind: str, module: Module, wanted: Sequence[tuple[int, Number]]
) -> Propose:
    """Give formulas new values, in any of the ways that there are."""

    def propose() -> Plan:
        refused: Refused | None = None
        for first in _starts(parent, wanted):
            try:
                return parent.numeric(kind, module, first, wanted)
            except Refused as error:
                refused = refused or error
        raise refused or Refused("no place in the source to change it at")

    return propose


def _starts(parent: Parent, wanted: Sequence[tuple[int, Number]]) -> Iterator[dict[int, Number]]:
    """First changes: for the first formula each way that there is, the others as they follow."""
    solver = parent.solver
    (node, target), *rest = wanted
    for index, start in enumerate(candidates(solver, node, target)):
        if index == _STARTS:
            return
        changes = dict(start)
        for other, value in rest:
            values = solver.formulas.under(changes)
            if values[other] != value:
                ways = list(values.ways(other, value))
                if ways:
                    changes[ways[0][0]] = ways[0][1]
        yield changes


def _shuffled(rng: random.Random, values: Sequence[_AnyNumber]) -> list[_AnyNumber]:
    found = list(values)
    rng.shuffle(found)
    return found
