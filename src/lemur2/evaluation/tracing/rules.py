"""What operations do to sizes: the axes of the results, and which sizes must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_leaves

from lemur2.evaluation.tracing import views, windows

if TYPE_CHECKING:
    from lemur2.evaluation.tracing.sizes import Sizes
    from lemur2.evaluation.tracing.symbols import Node

Given = Mapping[str, Any]
Outs = Sequence[torch.Tensor]
Rule = Callable[["Sizes", Given, Outs], None]


def apply(t: Sizes, func: Any, given: Given, outs: Outs) -> None:
    """Give an operation's results their axes."""
    name = func._schema.name.removeprefix("aten::")
    rule = RULES.get(name) or RULES.get(name.rstrip("_"))
    if rule is not None:
        rule(t, given, outs)
    elif torch.Tag.pointwise in func.tags:
        broadcast(t, given, outs)
    elif "keepdim" in given or _reduces(func):
        reduce(t, given, outs)
    else:
        _by_shape(t, name, given, outs)


def _reduces(func: Any) -> bool:
    names = {each.name for each in func._schema.arguments}
    return "dim" in names and "keepdim" in names


def _tensors(given: Given) -> list[torch.Tensor]:
    return [each for each in tree_leaves(dict(given)) if isinstance(each, torch.Tensor)]


def _by_shape(t: Sizes, name: str, given: Given, outs: Outs) -> None:
    """Operations without a rule: results of the first input's shape have its axes."""
    tensors = _tensors(given)
    if all(out.dim() == 0 for out in outs):  # a number made of everything, whatever its size
        return
    known = bool(tensors) and all(each.shape == tensors[0].shape for each in outs)
    if not known and tensors:
        t.unknown[name] = t.unknown.get(name, 0) + 1
        for tensor in tensors:
            for node in t.dims(tensor):
                t.hold(node)
    for out in outs:
        t.set_dims(out, t.dims(tensors[0]) if known else ())


def broadcast(t: Sizes, given: Given, outs: Outs) -> None:
    """Element by element; axes of size 1 stretch."""
    everything = [t.dims(tensor) for tensor in _tensors(given)]
    result: list[Node] = []
    for axis in range(outs[0].dim(), 0, -1):
        nodes = [dims[-axis] for dims in everything if len(dims) >= axis]
        result.append(_agree(t, nodes))
    for out in outs:
        t.set_dims(out, result)


def _agree(t: Sizes, nodes: Sequence[Node]) -> Node:
    wide = [node for node in nodes if t.tape.values[node] != 1] or list(nodes)
    found = wide[0]
    for node in wide[1:]:
        found = t.same(found, node)
    return found


def reduce(t: Sizes, given: Given, outs: Outs) -> None:
    """Over some axes or all."""
    dims = t.dims(_tensors(given)[0])
    axes = given.get("dim")
    gone = range(len(dims)) if axes is None or axes == [] else _list(axes)
    over = {axis % max(1, len(dims)) for axis in gone}
    keep = given.get("keepdim", False)
    left = [
        t.tape.const(1) if axis in over else node
        for axis, node in enumerate(dims)
        if keep or axis not in over
    ]
    for out in outs:
        t.set_dims(out, left)


def _list(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def _like_first(t: Sizes, given: Given, outs: Outs) -> None:
    dims = t.dims(_tensors(given)[0])
    for out in outs:
        t.set_dims(out, dims)


def _normalised(t: Sizes, given: Given, outs: Outs) -> None:
    """Batch and group norm: axis 1 has the parameters' size."""
    dims = list(t.dims(given["input"]))
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = given.get(name)
        if isinstance(tensor, torch.Tensor) and tensor.dim() == 1 and len(dims) > 1:
            t.same(t.dims(tensor)[0], dims[1])
    t.set_dims(outs[0], dims)
    for out in outs[1:]:
        t.set_dims(out, [dims[1]] if out.dim() == 1 else ())


def _group_norm(t: Sizes, given: Given, outs: Outs) -> None:
    _normalised(t, given, outs[:1])
    groups = t.call.argument(1, "num_groups") if t.call else None
    t.multiple(t.dims(given["input"])[1], t.tape.of(groups if groups else given["group"]))


def _layer_norm(t: Sizes, given: Given, outs: Outs) -> None:
    dims = t.dims(given["input"])
    sizes = given["normalized_shape"]
    if t.call is not None and (nodes := views.written(t, sizes)):
        for node, dim in zip(nodes, dims[-len(sizes) :], strict=True):
            t.same(dim, node if node is not None else dim)
    for name in ("weight", "bias"):
        if isinstance(given.get(name), torch.Tensor):
            for one, other in zip(t.dims(given[name]), dims[-len(sizes) :], strict=True):
                t.same(one, other)
    t.set_dims(outs[0], dims)


def _matmul(left: str, right: str, extra: str = "") -> Rule:
    def rule(t: Sizes, given: Given, outs: Outs) -> None:
        one, other = t.dims(given[left]), t.dims(given[right])
        t.same(one[-1], other[-2] if len(other) > 1 else other[0])
        batch = [t.same(a, b) for a, b in zip(one[:-2], other[:-2], strict=False)]
        dims = [*batch, *one[-2:-1], *other[1:][-1:]]
        if extra and isinstance(given.get(extra), torch.Tensor) and outs[0].dim():
            added = t.dims(given[extra])
            if added and t.tape.values[added[-1]] != 1:
                t.same(dims[-1], added[-1])
        t.set_dims(outs[0], dims)

    return rule


def _linear(t: Sizes, given: Given, outs: Outs) -> None:
    dims, weight = t.dims(given["input"]), t.dims(given["weight"])
    t.same(dims[-1], weight[1])
    if isinstance(given.get("bias"), torch.Tensor):
        t.same(weight[0], t.dims(given["bias"])[0])
    t.set_dims(outs[0], [*dims[:-1], weight[0]])


def _cat(t: Sizes, given: Given, outs: Outs) -> None:
    parts = [t.dims(each) for each in given["tensors"] if each.dim() == outs[0].dim()]
    axis = given.get("dim", 0) % outs[0].dim()
    dims = [_first_same(t, [part[i] for part in parts]) for i in range(outs[0].dim())]
    dims[axis] = t.tape.total(part[axis] for part in parts)
    t.set_dims(outs[0], dims)


def _stack(t: Sizes, given: Given, outs: Outs) -> None:
    parts = [t.dims(each) for each in given["tensors"]]
    dims = [_first_same(t, list(nodes)) for nodes in zip(*parts, strict=True)]
    dims.insert(given.get("dim", 0) % outs[0].dim(), t.tape.const(len(parts)))
    t.set_dims(outs[0], dims)


def _first_same(t: Sizes, nodes: Sequence[Node]) -> Node:
    found = nodes[0]
    for node in nodes[1:]:
        found = t.same(found, node)
    return found


def _embedding(t: Sizes, given: Given, outs: Outs) -> None:
    t.set_dims(outs[0], [*t.dims(given["indices"]), t.dims(given["weight"])[1]])


def _index(t: Sizes, given: Given, outs: Outs) -> None:
    """Advanced indexing by tensors that are next to each other."""
    dims = t.dims(given["self"])
    used = [i for i, each in enumerate(given["indices"]) if each is not None]
    if not used or used != list(range(used[0], used[-1] + 1)):
        _by_shape(t, "index", given, outs)
        return
    indices = [t.dims(given["indices"][i]) for i in used]
    widest = max(indices, key=len)
    t.set_dims(outs[0], [*dims[: used[0]], *widest, *dims[used[-1] + 1 :]])


def _index_select(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    dims[given["dim"]] = t.dims(given["index"])[0] if given["index"].dim() else t.tape.const(1)
    t.set_dims(outs[0], dims)


def _gather(t: Sizes, given: Given, outs: Outs) -> None:
    t.set_dims(outs[0], t.dims(given["index"]))


def _topk(t: Sizes, given: Given, outs: Outs) -> None:
    dims = list(t.dims(given["self"]))
    number = t.call.argument(1, "k") if t.call and t.call.name == "topk" else given["k"]
    dims[given.get("dim", -1)] = t.tape.of(number)
    for out in outs:
        t.set_dims(out, dims)


def _attention(t: Sizes, given: Given, outs: Outs) -> None:
    query, key, value = (t.dims(given[name]) for name in ("query", "key", "value"))
    t.same(query[-1], key[-1])
    t.same(key[-2], value[-2])
    for one, other, third in zip(query[:-2], key[:-2], value[:-2], strict=True):
        t.same(t.same(one, other), third)
    t.set_dims(outs[0], [*query[:-1], value[-1]])
    for out in outs[1:]:
        t.set_dims(out, ())


def _shuffle(up: bool) -> Rule:
    def rule(t: Sizes, given: Given, outs: Outs) -> None:
        *batch, channels, height, width = t.dims(given["self"])
        name = "upscale_factor" if up else "downscale_factor"
        raw = t.call.argument(1, name) if t.call else None
        factor = t.tape.of(raw if raw is not None else given[name])
        square = t.tape.binary("mul", factor, factor)
        one, other = ("floordiv", "mul") if up else ("mul", "floordiv")
        if up:
            t.multiple(channels, square)
        sides = [t.tape.binary(other, side, factor) for side in (height, width)]
        t.set_dims(outs[0], [*batch, t.tape.binary(one, channels, square), *sides])

    return rule


def _recurrent(t: Sizes, given: Given, outs: Outs) -> None:
    """Recurrent layers: as many features as the weights have; layout as in the input."""
    tensors = _tensors(given)
    x, weights = t.dims(tensors[0]), [t.dims(each) for each in tensors[1:] if each.dim() == 2]
    if weights:
        t.same(x[-1], weights[0][1])
        features = weights[1][1] if len(weights) > 1 else weights[0][0]
        for out in outs:
            shape = out.shape
            dims = [*x[:-1], features] if out.dim() == len(x) else []
            sides = shape[-1] // max(1, int(t.tape.values[features]))
            if dims and sides > 1:
                dims[-1] = t.tape.binary("mul", features, t.tape.const(sides))
            t.set_dims(out, dims if dims and dims[:-1] and len(dims) == out.dim() else ())


def _diagonal_free(t: Sizes, given: Given, outs: Outs) -> None:
    for out in outs:
        t.set_dims(out, ())


RULES: dict[str, Rule] = {
    "addmm": _matmul("mat1", "mat2", "self"),
    "mm": _matmul("self", "mat2"),
    "bmm": _matmul("self", "mat2"),
    "baddbmm": _matmul("batch1", "batch2"),
    "mv": _matmul("self", "vec"),
    "linear": _linear,
    "native_batch_norm": _normalised,
    "_native_batch_norm_legit": _normalised,
    "_native_batch_norm_legit_no_training": _normalised,
    "_batch_norm_impl_index": _normalised,
    "native_group_norm": _group_norm,
    "native_layer_norm": _layer_norm,
    "cat": _cat,
    "stack": _stack,
    "embedding": _embedding,
    "index": _index,
    "index_select": _index_select,
    "gather": _gather,
    "topk": _topk,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "scaled_dot_product_attention": _attention,
    "pixel_shuffle": _shuffle(up=True),
    "pixel_unshuffle": _shuffle(up=False),
    "mkldnn_rnn_layer": _recurrent,
    "native_dropout": _like_first,
    **views.RULES,
    **windows.RULES,
}
