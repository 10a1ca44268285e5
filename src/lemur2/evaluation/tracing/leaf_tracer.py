"""LeafTracer: one forward pass, and with every axis of every tensor the formula of its size."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lemur2.evaluation.network import FILE_NAME
from lemur2.evaluation.tracing import rules, symbols
from lemur2.evaluation.tracing.sizes import Call, Sizes, shape_of
from lemur2.evaluation.tracing.symbols import Tape

Position = tuple[int, int, int, int]  # line, column, end line, end column; columns in bytes

_FUNCTIONAL = torch.nn.functional.__file__
_OWN = __file__


class LeafTracer(Sizes):
    """Records which sizes must agree for a network to run.

    It looks below autograd, at operations, so that it does not matter how a network spells them:
    `+`, `torch.add` and `+=` are one addition, and containers, hooks and control flow are passed
    through. Operations that it knows no rule for hold their inputs' sizes as they are.

    Attributes:
        functions: Calls of torch functions right in the candidate's file: (name, position).
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.functions: dict[tuple[str, Position], None] = {}
        self.paused = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block, tensors are followed."""
        functional = torch.nn.functional
        names = [name for name in vars(functional) if name.startswith("has_torch_function")]
        kept = {name: getattr(functional, name) for name in names}
        with ExitStack() as stack:
            stack.callback(lambda: vars(functional).update(kept))
            for name in names:  # so that what these functions call is seen, not they themselves
                setattr(functional, name, lambda *_: False)
            stack.enter_context(_Dispatch(self))
            stack.enter_context(_Functions(self))
            yield

    @contextmanager
    def without_initialisers(self) -> Iterator[None]:
        """Within the block, filling tensors with values says nothing of their sizes."""
        tensor, init = torch.Tensor, torch.nn.init
        places: list[tuple[Any, str]] = [(tensor, name) for name in ("uniform_", "normal_")]
        places += [(init, name) for name in vars(init) if name.endswith("_") and name[0] != "_"]
        kept = [(owner, name, getattr(owner, name)) for owner, name in places]
        for owner, name, function in kept:
            setattr(owner, name, self._unwatched(function))
        try:
            yield
        finally:
            for owner, name, function in kept:
                setattr(owner, name, function)

    def _unwatched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            self.paused += 1
            try:
                return function(*_plain(args), **_plain(kwargs))
            finally:
                self.paused -= 1

        return run

    def ran(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """An operation ran: give its results their axes."""
        outs = [each for each in tree_leaves(result) if isinstance(each, torch.Tensor)]
        if not outs:
            return
        given = dict(zip((each.name for each in func._schema.arguments), args, strict=False))
        given.update(kwargs)
        rules.apply(self, func, given, outs)

    def called(self, call: Call, frame: Any) -> None:
        """A torch function was called; remember it where the candidate called it itself."""
        if call.name.startswith("__"):
            return
        while frame is not None and frame.f_code.co_filename in (_FUNCTIONAL, _OWN):
            frame = frame.f_back
        if frame is not None and frame.f_code.co_filename == FILE_NAME:
            self.functions.setdefault((call.name, position(frame)))


class _Functions(TorchFunctionMode):
    """Sees torch functions before they lose sight of traced numbers."""

    def __init__(self, tracer: LeafTracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.tracer.paused:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__get__":
            if func.__self__ is torch.Tensor.shape and not is_lazy(args[0]):
                return self._size(args[0])
            return func(*args, **kwargs)
        if func is torch.Tensor.size:
            size = self._size(args[0])
            axis = args[1] if len(args) > 1 else kwargs.get("dim")
            return size if axis is None else size[symbols.plain(axis)]
        if func is torch.Tensor.numel:
            node = self.tracer.tape.product(self.tracer.dims(args[0]))
            return symbols.traced(func(*args), node)
        return self._run(func, name, args, kwargs)

    def _run(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = Call(name, args, kwargs, list(_numbers((*args, *kwargs.values()))))
        if self.tracer.path:
            self.tracer.called(call, sys._getframe(2))
        before, self.tracer.call = self.tracer.call, call
        try:
            return func(*_plain(args), **_plain(kwargs))
        finally:
            self.tracer.call = before

    def _size(self, tensor: torch.Tensor) -> Any:
        dims = self.tracer.dims(tensor)
        return torch.Size(
            [symbols.traced(s, d) for s, d in zip(shape_of(tensor), dims, strict=True)]
        )


class _Dispatch(TorchDispatchMode):
    def __init__(self, tracer: LeafTracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_dispatch__(
        self,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.tracer.paused:
            self.tracer.ran(func, args, kwargs or {}, result)
        return result


@contextmanager
def paths(tracer: LeafTracer, net: torch.nn.Module, on: Callable[..., None]) -> Iterator[None]:
    """Within the block the tracer knows which module runs, and `on` hears of each that ran."""
    names = {id(module): name for name, module in net.named_modules()}

    def enter(module: torch.nn.Module, args: Any) -> None:
        tracer.path.append(names.get(id(module), "?"))

    def leave(module: torch.nn.Module, args: Any, output: Any) -> None:
        on(tracer.path.pop(), module, args, output)

    handles = []
    for module in net.modules():
        handles.append(module.register_forward_pre_hook(enter))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    finally:
        tracer.path.clear()
        for handle in handles:
            handle.remove()


def position(frame: Any) -> Position:
    """Where in the source a frame is: the whole expression that it is at."""
    found = _positions(frame.f_code)
    wanted = frame.f_lasti // 2
    return found[wanted] if wanted < len(found) else (frame.f_lineno, 0, frame.f_lineno, 0)


@functools.cache
def _positions(code: CodeType) -> tuple[Position, ...]:
    """Of every instruction; kept, because Python works them out from the first one on."""
    return tuple(
        (line or 0, column or 0, end_line or 0, end_column or 0)
        for line, end_line, column, end_column in code.co_positions()
    )


def _numbers(value: Any) -> Iterator[Any]:
    """All whole numbers in arguments, in order."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, slice):
        yield from _numbers((value.start, value.stop))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def _plain(value: Any) -> Any:
    """Arguments with plain numbers for traced ones."""
    if isinstance(value, symbols.TracedInt | symbols.TracedFloat):
        return symbols.plain(value)
    if type(value) in (tuple, list):
        return type(value)(_plain(each) for each in value)
    if isinstance(value, torch.Size):
        return torch.Size([symbols.plain(each) for each in value])
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, slice):
        return slice(_plain(value.start), _plain(value.stop), _plain(value.step))
    return value
