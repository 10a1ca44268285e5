"""Operations that only rearrange: views, slices, splits; and those that make tensors of sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from lemur2.evaluation.tracing.sizes import Sizes
    from lemur2.evaluation.tracing.symbols import Node

Given = Mapping[str, Any]
Outs = Sequence[torch.Tensor]
Rule = Callable[["Sizes", Given, Outs], None]

# Functions whose whole numbers are the sizes of the result.
_SIZED = frozenset(
    {
        *("view", "reshape", "expand", "repeat", "unflatten", "split", "split_with_sizes"),
        *("empty", "zeros", "ones", "full", "rand", "randn", "randint", "normal", "layer_norm"),
        *("new_empty", "new_zeros", "new_ones", "new_full", "broadcast_to", "tile", "view_as"),
        *("native_layer_norm", "rms_norm", "trunc_normal"),
    }
)


def written(t: Sizes, sizes: Sequence[int]) -> list[Node | None] | None:
    """The nodes of sizes that the running function was given; None for each that it works out.

    None altogether where it was not given these sizes but finds them itself, as `flatten` does.
    """
    call = t.call
    if call is None or call.name not in _SIZED or not sizes:
        return None
    numbers = call.numbers
    for start in range(len(numbers) - len(sizes) + 1):
        window = numbers[start : start + len(sizes)]
        if all(int(a) in (b, -1) for a, b in zip(window, sizes, strict=True)):
            return [None if int(each) == -1 else t.tape.of(each) for each in window]
    return None


def _view(t: Sizes, given: Given, outs: Outs) -> None:
    before, shape = t.dims(given["self"]), list(outs[0].shape)
    asked = _unflattened(t, before) or written(t, shape)
    result: list[Node] = []
    start = 0
    sizes = [int(t.tape.values[node]) for node in before]
    for first, last, out_first, out_last in _groups(sizes, shape):
        wanted = asked[out_first:out_last] if asked else [None] * (out_last - out_first)
        result += _group(t, before[first:last], shape[out_first:out_last], wanted, bool(asked))
        start = last
    assert start <= len(before)
    t.set_dims(outs[0], result)


def _unflattened(t: Sizes, before: Sequence[Node]) -> list[Node | None] | None:
    """What `unflatten` was asked for: it names the sizes of one axis only, the rest stay."""
    call = t.call
    if call is None or call.name != "unflatten" or len(call.numbers) < 2:
        return None
    axis, *sizes = call.numbers
    axis = int(axis) % len(before)
    new = [None if int(each) == -1 else t.tape.of(each) for each in sizes]
    return [*before[:axis], *new, *before[axis + 1 :]]


def _groups(before: Sequence[int], after: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Runs of axes with the same product before and after, as short as can be."""
    groups = []
    i = j = 0
    while i < len(before) or j < len(after):
        first, out_first = i, j
        one = before[i] if i < len(before) else 1
        other = after[j] if j < len(after) else 1
        i, j = min(i + 1, len(before)), min(j + 1, len(after))
        while one != other and (i < len(before) or j < len(after)):
            if (one < other and i < len(before)) or j >= len(after):
                one *= before[i]
                i += 1
            else:
                other *= after[j]
                j += 1
        while i < len(before) and before[i] == 1 and (j == len(after) or after[j] != 1):
            i += 1  # an axis of size 1 that is dropped belongs to what is before it
        groups.append((first, i, out_first, j))
    return groups


def _group(
    t: Sizes,
    before: Sequence[Node],
    shape: Sequence[int],
    wanted: Sequence[Node | None],
    asked: bool,
) -> list[Node]:
    """The axes that a run of axes becomes."""
    tape = t.tape
    whole = tape.product(before)
    if not shape:
        return []
    if len(shape) == 1:
        node = wanted[0]
        return [whole if node is None else t.same(whole, node)]
    if not asked:
        return _unasked(t, before, shape)
    given = tape.product(node for node in wanted if node is not None)
    if None not in wanted:
        t.same(whole, given)
        return [node for node in wanted if node is not None]
    t.multiple(whole, given)
    rest = tape.binary("floordiv", whole, given) if tape.values[given] else whole
    return [rest if node is None else node for node in wanted]


def _unasked(t: Sizes, before: Sequence[Node], shape: Sequence[int]) -> list[Node]:
    """A function split an axis by sizes of its own: only axes that come through are known."""
    left = list(before)
    result = []
    for size in shape:
        if left and t.tape.values[left[0]] == size:
            result.append(left.pop(0))
        else:
            result.append(t.tape.const(size))
    for node in left:
        t.hold(node)
    return result


def _permute(t: Sizes, given: Given, outs: Outs) -> None:
    dims = t.dims(given["self"])
    t.set_dims(outs[0], [dims[axis] for axis in given["dims"]])


def _transpose(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    one, other = given.get("dim0", 0), given.get("dim1", 1)
    if len(dims) > 1:
        dims[one], dims[other] = dims[other], dims[one]
    t.set_dims(outs[0], dims)


def _squeeze(t: Sizes, given: Given, outs: Outs) -> None:
    dims = t.dims(given["self"])
    axes = given.get("dim", range(len(dims)))
    axes = [axes] if isinstance(axes, int) else axes
    gone = {axis % len(dims) for axis in axes if t.tape.values[dims[axis]] == 1}
    t.set_dims(outs[0], [node for axis, node in enumerate(dims) if axis not in gone])


def _unsqueeze(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    dims.insert(given["dim"] % (len(dims) + 1), t.tape.const(1))
    t.set_dims(outs[0], dims)


def _expand(t: Sizes, given: Given, outs: Outs) -> None:
    shape, before = list(outs[0].shape), t.dims(given["self"])
    asked = written(t, shape) or [None] * len(shape)
    inputs: list[Node | None] = [None] * (len(shape) - len(before)) + list(before)
    result = []
    for size, node, want in zip(shape, inputs, asked, strict=True):
        if node is not None and (t.tape.values[node] != 1 or size == 1):
            result.append(node if want is None else t.same(node, want))
        else:
            result.append(want if want is not None else t.tape.const(size))
    t.set_dims(outs[0], result)


def _repeat(t: Sizes, given: Given, outs: Outs) -> None:
    times = given["repeats"]
    nodes = written(t, times) or [t.tape.const(each) for each in times]
    before = t.dims(given["self"])
    padded = [t.tape.const(1)] * (len(times) - len(before)) + list(before)
    t.set_dims(
        outs[0],
        [
            node if by is None else t.tape.binary("mul", node, by)
            for node, by in zip(padded, nodes, strict=True)
        ],
    )


def _select(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    del dims[given["dim"]]
    t.set_dims(outs[0], dims)


def _slice(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    axis = given.get("dim", 0)
    start, end = given.get("start") or 0, given.get("end")
    whole = dims[axis]
    size = int(t.tape.values[whole])
    if given.get("step", 1) == 1:
        last = whole if end is None or end >= size else _bound(t, whole, end)
        first = _bound(t, whole, start) if start else t.tape.const(0)
        dims[axis] = t.tape.binary("sub", last, first)
    else:
        t.hold(whole)
    t.set_dims(outs[0], dims)


def _bound(t: Sizes, whole: Node, value: int) -> Node:
    """An end of a slice, by what the program said it is."""
    numbers = t.call.numbers if t.call else []
    found = next((n for n in numbers if int(n) == value), value)
    node = t.tape.of(found)
    return t.tape.binary("add", whole, node) if value < 0 else node


def _split(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    axis = given.get("dim", 0) % len(dims)
    whole, sizes = dims[axis], [out.shape[axis] for out in outs]
    asked = written(t, sizes)
    if asked is None and t.call and t.call.name == "split":
        number = t.call.argument(1, "split_size_or_sections")
        asked = [t.tape.of(number)] * len(sizes) if isinstance(number, int) else None
    parts: list[Node]
    if asked is not None and len(set(sizes)) <= len(asked):
        parts = [
            node if node is not None else t.tape.const(s)
            for node, s in zip(asked, sizes, strict=True)
        ]
        if t.tape.values[t.tape.total(parts)] == t.tape.values[whole]:
            t.same(whole, t.tape.total(parts))
    elif len(set(sizes)) == 1:
        number = t.tape.const(len(sizes))
        t.multiple(whole, number)
        parts = [t.tape.binary("floordiv", whole, number)] * len(sizes)
    else:
        t.hold(whole)
        parts = [t.tape.const(size) for size in sizes]
    for out, part in zip(outs, parts, strict=True):
        t.set_dims(out, [*dims[:axis], part, *dims[axis + 1 :]])


def _unbind(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    t.hold(dims.pop(given.get("dim", 0)))
    for out in outs:
        t.set_dims(out, dims)


def _made(t: Sizes, given: Given, outs: Outs) -> None:
    """A tensor of given sizes."""
    nodes = written(t, list(outs[0].shape))
    t.set_dims(outs[0], [] if nodes is None else [n if n is not None else 0 for n in nodes])


def _arange(t: Sizes, given: Given, outs: Outs) -> None:
    numbers = t.call.numbers if t.call and t.call.name == "arange" else []
    t.set_dims(outs[0], [t.tape.of(numbers[0])] if len(numbers) == 1 else [])


def _alias(t: Sizes, given: Given, outs: Outs) -> None:
    t.set_dims(outs[0], t.dims(given["self"]))


def _unfold(t: Sizes, given: Given, outs: Outs) -> None:
    """Blocks of an image as columns: channels times the block's area."""
    dims = t.dims(given["self"])
    area = math.prod(given["kernel_size"])
    columns = t.tape.binary("mul", dims[-3], t.tape.const(area))
    t.set_dims(outs[0], [*dims[:-3], columns, t.tape.const(outs[0].shape[-1])])


RULES: dict[str, Rule] = {
    **dict.fromkeys(("view", "_unsafe_view", "reshape", "_reshape_alias", "unflatten"), _view),
    "permute": _permute,
    "transpose": _transpose,
    "t": _transpose,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "repeat": _repeat,
    "select": _select,
    "slice": _slice,
    "split": _split,
    "unsafe_split": _split,  # as recurrent layers take their gates apart
    "split_with_sizes": _split,
    "unbind": _unbind,
    "arange": _arange,
    "im2col": _unfold,
    **dict.fromkeys(("detach", "alias", "_to_copy", "lift_fresh", "clone"), _alias),
    **dict.fromkeys(
        (
            *("empty", "zeros", "ones", "full", "rand", "randn", "randint", "normal"),
            *("new_empty", "new_zeros", "new_ones", "new_full", "empty_strided"),
        ),
        _made,
    ),
}
