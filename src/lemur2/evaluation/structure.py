"""Worker side: one recorded forward pass gives a network's structure digest and its FLOPs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

# Operations whose number arguments only restate sizes of what flows through them.
_SIZED = frozenset(
    {
        *("view", "_unsafe_view", "reshape", "expand", "repeat", "as_strided", "slice", "select"),
        *("split", "split_with_sizes", "unbind", "arange", "zeros", "ones", "full", "empty"),
        *("new_zeros", "new_ones", "new_full", "new_empty", "rand", "randn", "linspace"),
        *("index", "index_select", "upsample_bilinear2d", "upsample_nearest2d", "narrow"),
    }
)


class Recorder(TorchDispatchMode):
    """Records every operation below autograd: what it is, what feeds it, what it costs.

    The digest covers operations with their constants (strides, padding, groups), the shapes of
    the parameters they use, and which operation feeds which. It leaves out names, values and the
    sizes of activations, so that the same network has the same digest under other names and, as
    long as its operations are the same, at another input size.
    """

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.flops: int | None = 0
        self._hash = hashlib.sha256()
        self._made: dict[int, int] = {}
        self._kept: list[torch.Tensor] = []  # alive, so that no id is used twice
        self._parameters = {
            id(t): tuple(t.shape) for t in (*net.parameters(), *net.buffers()) if t is not None
        }
        self._count = 0
        # The graph: every tensor's node, and what feeds each operation. An operation's node is
        # its position in `_feeds`; a parameter's is negative and leads to `_ids`.
        self._ids = [id(parameter) for parameter in net.parameters()]
        self._nodes = {each: -1 - position for position, each in enumerate(self._ids)}
        self._feeds: list[list[int]] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and record it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func._schema.name.removeprefix("aten::")
        if name not in ("detach", "alias"):
            self._record(name, args, kwargs, result)
            self._cost(func, args, kwargs, result)
        else:
            self._pass_through(args, result)
        return result

    def digest(self) -> str:
        """Hex digest of all that was recorded."""
        return self._hash.hexdigest()

    def behind(self, output: Any) -> set[int]:
        """Ids of the parameters that what `forward` returned was computed from.

        Detached or not: the operations count, not what autograd knows of them.
        """
        waiting = self._sources(output)
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            if node >= 0:
                new = set(self._feeds[node]) - seen
                seen |= new
                waiting += new
        return {self._ids[-1 - node] for node in seen if node < 0}

    def _sources(self, values: Any) -> list[int]:
        tensors = (leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor))
        return [self._nodes[id(tensor)] for tensor in tensors if id(tensor) in self._nodes]

    def _record(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        base = name.rstrip("_")
        parts = [name]
        for leaf in tree_leaves((args, dict(kwargs))):
            if isinstance(leaf, torch.Tensor):
                parts.append(self._source(leaf))
            elif base not in _SIZED and isinstance(leaf, bool | int | float | str):
                parts.append(repr(leaf))
        self._hash.update("|".join(parts).encode() + b"\n")
        self._count += 1
        self._feeds.append(self._sources((args, dict(kwargs))))
        for position, leaf in enumerate(tree_leaves(result)):
            if isinstance(leaf, torch.Tensor):
                self._made[id(leaf)] = self._count * 16 + position
                self._nodes[id(leaf)] = len(self._feeds) - 1
                self._kept.append(leaf)

    def _source(self, tensor: torch.Tensor) -> str:
        if id(tensor) in self._made:
            return f"#{self._made[id(tensor)]}"
        if id(tensor) in self._parameters:
            return f"p{self._parameters[id(tensor)]}"
        return "in"

    def _pass_through(self, args: tuple[Any, ...], result: Any) -> None:
        source, target = args[0], result
        if id(source) in self._made:
            self._made[id(target)] = self._made[id(source)]
        elif id(source) in self._parameters:
            self._parameters[id(target)] = self._parameters[id(source)]
        if id(source) in self._nodes:
            self._nodes[id(target)] = self._nodes[id(source)]
        self._kept.append(target)

    def _cost(
        self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        formula: Callable[..., int] | None = flop_registry.get(func._overloadpacket)
        if formula is None or self.flops is None:
            return
        try:
            self.flops += int(formula(*args, **kwargs, out_val=result))
        except (TypeError, ValueError, AssertionError, IndexError, AttributeError):
            self.flops = None  # a form of the operation that the library cannot count
