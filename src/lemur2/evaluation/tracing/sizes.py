"""What is known of the sizes in a network: a formula for every axis, and which must agree."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from lemur2.evaluation.network import FILE_NAME
from lemur2.evaluation.tracing.symbols import Node, Tape

Dims = tuple[Node, ...]

_MAX_CONSTRAINTS = 50_000


@dataclass
class Call:
    """The torch function that is running: what it was called with, traced numbers and all."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    numbers: list[Any] = field(default_factory=list)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by its position or name."""
        if position < len(self.args):
            return self.args[position]
        return self.kwargs.get(name, default)


@dataclass(frozen=True)
class Where:
    """Where in the network something was found."""

    module: str
    operation: str
    line: int


class Sizes:
    """Formulas of tensors' axes, and constraints between them, as operations run.

    Attributes:
        equal: (node, node) -> where they must agree.
        unknown: Operations without a rule, with how often each ran.
        call: The torch function that is running.
        path: Names of the modules that are running, the innermost last.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.equal: dict[tuple[Node, Node], Where] = {}
        self.unknown: dict[str, int] = {}
        self.call: Call | None = None
        self.path: list[str] = []
        self._dims: dict[int, Dims] = {}
        self._stored: dict[tuple[int, tuple[int, ...]], Dims] = {}
        self._kept: list[torch.Tensor] = []

    def dims(self, tensor: torch.Tensor) -> Dims:
        """The formula of every axis of a tensor."""
        found = self._dims.get(id(tensor))
        if found is None:
            found = self._stored.get(_storage(tensor))
        if found is None or len(found) != tensor.dim():
            found = tuple(self.tape.const(int(size)) for size in shape_of(tensor))
        return found

    def set_dims(self, tensor: torch.Tensor, dims: Sequence[Node]) -> None:
        """Say what the axes of a tensor are; where that is not so, constants are taken."""
        shape = shape_of(tensor)
        given = list(dims) if len(dims) == len(shape) else [None] * len(shape)
        right = [
            node if node is not None and self.tape.values[node] == size else self.tape.const(size)
            for node, size in zip(given, shape, strict=True)
        ]
        self._dims[id(tensor)] = tuple(right)
        self._kept.append(tensor)
        if (key := _storage(tensor))[0]:
            self._stored[key] = tuple(right)

    def same(self, one: Node, other: Node) -> Node:
        """Two sizes must agree; the one of them that can change, if any."""
        if one != other and self.tape.values[one] == self.tape.values[other]:
            key = (min(one, other), max(one, other))
            known = self.tape.is_const(one) and self.tape.is_const(other)
            if not known and key not in self.equal and len(self.equal) < _MAX_CONSTRAINTS:
                self.equal[key] = self.where()
        return other if self.tape.is_const(one) else one

    def hold(self, node: Node) -> None:
        """A size must stay as it is."""
        self.same(node, self.tape.const(self.tape.values[node]))

    def multiple(self, node: Node, of: Node) -> None:
        """A size must stay a multiple of another."""
        if not (self.tape.is_const(node) and self.tape.is_const(of)) and self.tape.values[of]:
            self.same(self.tape.binary("mod", node, of), self.tape.const(0))

    def where(self) -> Where:
        """Where the network is."""
        name = self.call.name if self.call else ""
        return Where(self.path[-1] if self.path else "", name, candidate_line())


def candidate_line() -> int:
    """The innermost line of the candidate's file that is running; 0 where none is."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != FILE_NAME:
        frame = frame.f_back
    return frame.f_lineno if frame is not None else 0


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """A tensor's shape, unseen by what watches torch functions; () of one that has none yet."""
    if is_lazy(tensor):  # of a layer that learns its input's size when it first runs
        return ()
    with torch._C.DisableTorchFunction():
        return tuple(tensor.shape)


def _storage(tensor: torch.Tensor) -> tuple[int, tuple[int, ...]]:
    if is_lazy(tensor):
        return 0, ()
    with torch._C.DisableTorchFunction():
        if tensor.layout is not torch.strided or tensor.is_meta:
            return 0, ()
        return tensor.untyped_storage()._cdata, tuple(tensor.shape)
