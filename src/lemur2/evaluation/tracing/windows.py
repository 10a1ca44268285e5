"""Operations that slide over space: convolutions, pooling, padding, resizing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from lemur2.evaluation.tracing.sizes import Sizes
    from lemur2.evaluation.tracing.symbols import Node

Given = Mapping[str, Any]
Outs = Sequence[torch.Tensor]
Rule = Callable[["Sizes", Given, Outs], None]

# The arguments of the functions that end in a convolution, after input, weight and bias.
_FORWARD = ("stride", "padding", "dilation", "groups")
_TRANSPOSED = ("stride", "padding", "output_padding", "groups", "dilation")


def _convolution(t: Sizes, given: Given, outs: Outs) -> None:
    x, weight = t.dims(given["input"]), t.dims(given["weight"])
    transposed = given["transposed"]
    said = _said(t, _TRANSPOSED if transposed else _FORWARD, 3, "conv", given)
    groups = t.tape.of(said["groups"])
    into, out = (weight[0], weight[1]) if transposed else (weight[1], weight[0])
    if transposed:
        t.same(x[1], into)
        out = t.tape.binary("mul", out, groups)
    else:
        t.same(x[1], t.tape.binary("mul", into, groups))
        t.multiple(out, groups)
    if isinstance(given.get("bias"), torch.Tensor):
        t.same(out, t.dims(given["bias"])[0])
    spatial = len(x) - 2
    parts = [_each(t, said[name], spatial) for name in ("stride", "padding", "dilation")]
    slide = _slid_back if transposed else slid
    sides = [
        slide(t, side, kernel, *(part[axis] for part in parts))
        for axis, (side, kernel) in enumerate(zip(x[2:], weight[2:], strict=True))
    ]
    if transposed:
        extra = _each(t, said["output_padding"], spatial)
        sides = [t.tape.binary("add", s, e) for s, e in zip(sides, extra, strict=True)]
    t.set_dims(outs[0], [x[0], out, *sides])


def _said(t: Sizes, names: Sequence[str], first: int, prefix: str, given: Given) -> dict[str, Any]:
    """Arguments as the running function got them, traced; else as the operation did."""
    call = t.call
    if call is None or not call.name.startswith(prefix):
        return {name: given.get(name) for name in names}
    found = {name: call.argument(first + i, name) for i, name in enumerate(names)}
    return {
        name: given.get(name) if value is None or isinstance(value, str) else value
        for name, value in found.items()
    }


def _each(t: Sizes, value: Any, count: int) -> list[Node]:
    """A number for each side, from one for all or one for each."""
    values = list(value) if isinstance(value, tuple | list) else [value] * count
    if len(values) == 1:
        values *= count
    return [t.tape.of(each if each is not None else 1) for each in values]


def slid(t: Sizes, side: Node, kernel: Node, stride: Node, padding: Node, dilation: Node) -> Node:
    """How often a window fits: (side + 2 padding - dilation (kernel - 1) - 1) // stride + 1."""
    tape, one, two = t.tape, t.tape.const(1), t.tape.const(2)
    reach = tape.binary("mul", dilation, tape.binary("sub", kernel, one))
    room = tape.binary("add", side, tape.binary("mul", two, padding))
    steps = tape.binary("sub", tape.binary("sub", room, reach), one)
    if tape.values[stride] == 0:
        return side
    return _present(t, tape.binary("add", tape.binary("floordiv", steps, stride), one))


def _present(t: Sizes, side: Node) -> Node:
    """A side that must not become empty."""
    if t.tape.values[side] > 0:
        t.tape.decided("gt", side, t.tape.const(0), True, t.where().line)
    return side


def _slid_back(
    t: Sizes, side: Node, kernel: Node, stride: Node, padding: Node, dilation: Node
) -> Node:
    tape, one, two = t.tape, t.tape.const(1), t.tape.const(2)
    steps = tape.binary("mul", tape.binary("sub", side, one), stride)
    room = tape.binary("sub", steps, tape.binary("mul", two, padding))
    reach = tape.binary("mul", dilation, tape.binary("sub", kernel, one))
    return _present(t, tape.binary("add", tape.binary("add", room, reach), one))


def _pool(names: Sequence[str]) -> Rule:
    """Pooling; `names` are the function's arguments after its input."""

    def rule(t: Sizes, given: Given, outs: Outs) -> None:
        x = t.dims(given["self"])
        said = _said(t, names, 1, names[-1] and "", given)
        count = len(given["kernel_size"]) if not isinstance(given["kernel_size"], int) else 1
        kernel = _each(t, said["kernel_size"], count)
        strides = said.get("stride")
        stride = kernel if strides in (None, [], ()) else _each(t, strides, count)
        padding = _each(t, said.get("padding") or 0, count)
        dilation = _each(t, said.get("dilation") or 1, count)
        sides = [
            slid(t, *each)
            for each in zip(x[-count:], kernel, stride, padding, dilation, strict=True)
        ]
        for out in outs:
            t.set_dims(out, [*x[:-count], *sides])

    return rule


def _resized(count: int) -> Rule:
    """Space to given sizes; as a multiple of what it was where it is one and no size was given."""

    def rule(t: Sizes, given: Given, outs: Outs) -> None:
        name = "self" if "self" in given else "input"
        x = t.dims(given[name])
        sides = []
        for axis in range(count):
            node = x[len(x) - count + axis]
            before, after = int(t.tape.values[node]), int(outs[0].shape[len(x) - count + axis])
            scales = given.get("scales_h") or given.get("scales") or given.get("scale_factors")
            if scales and before and after % before == 0:
                sides.append(t.tape.binary("mul", node, t.tape.const(after // before)))
            else:
                sides.append(_number(t, after))
        for out in outs:
            t.set_dims(out, [*x[: len(x) - count], *sides])

    return rule


def _number(t: Sizes, value: int) -> Node:
    numbers = t.call.numbers if t.call else []
    return t.tape.of(next((each for each in numbers if int(each) == value), value))


def _padded(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    pads = given.get("pad") or given.get("padding") or []
    for index in range(len(pads) // 2):
        axis = len(dims) - 1 - index
        added = t.tape.const(pads[2 * index] + pads[2 * index + 1])
        dims[axis] = t.tape.binary("add", dims[axis], added)
    t.set_dims(outs[0], dims)


_MAX = ("kernel_size", "stride", "padding", "dilation")
_MEAN = ("kernel_size", "stride", "padding")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _convolution),
    "max_pool2d_with_indices": _pool(_MAX),
    "max_pool3d_with_indices": _pool(_MAX),
    "max_pool1d": _pool(_MAX),
    "max_pool2d": _pool(_MAX),
    "avg_pool1d": _pool(_MEAN),
    "avg_pool2d": _pool(_MEAN),
    "avg_pool3d": _pool(_MEAN),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_max_pool1d"), _resized(1)),
    **dict.fromkeys(
        (
            *("_adaptive_avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"),
            *("upsample_bilinear2d", "upsample_nearest2d", "upsample_bicubic2d"),
            *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "_upsample_nearest_exact2d"),
        ),
        _resized(2),
    ),
    **dict.fromkeys(("_adaptive_avg_pool3d", "adaptive_max_pool3d"), _resized(3)),
    **dict.fromkeys(("upsample_nearest1d", "upsample_linear1d"), _resized(1)),
    **dict.fromkeys(
        ("constant_pad_nd", "reflection_pad2d", "replication_pad2d", "reflection_pad1d"), _padded
    ),
}
