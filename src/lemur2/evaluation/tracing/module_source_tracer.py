"""ModuleSourceTracer: for every module, the calls in the source that made it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch

from lemur2.evaluation.network import FILE_NAME
from lemur2.evaluation.tracing.leaf_tracer import Position, position


@dataclass
class Made:
    """How a module was made.

    Attributes:
        stack: Where in the candidate's file: the call that made it first, then the calls that
            led there, outermost last. Several modules share a stack where a loop made them.
        arguments: What its constructor was called with, by name.
    """

    stack: list[Position]
    arguments: dict[str, Any]


class ModuleSourceTracer:
    """Watches constructors, and what the candidate's file reads of modules.

    Attributes:
        made: How each module was made, by id.
        read: Ids of modules of which code outside them reads parameters or parts: a container in
            the place of such a module would break it.
    """

    def __init__(self) -> None:
        self.read: set[int] = set()
        self.made: dict[int, Made] = {}
        self._kept: list[torch.nn.Module] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within the block, what is read of modules is remembered."""
        original = torch.nn.Module.__getattr__

        def read(module: torch.nn.Module, name: str) -> Any:
            kept = module.__dict__
            if name in kept.get("_parameters", ()) or name in kept.get("_modules", ()):
                frame = sys._getframe(1)
                own = frame.f_code.co_filename != FILE_NAME or _first_local(frame) is module
                if not own:
                    self.read.add(id(module))
            return original(module, name)

        setattr(torch.nn.Module, "__getattr__", read)  # noqa: B010
        try:
            yield
        finally:
            setattr(torch.nn.Module, "__getattr__", original)  # noqa: B010

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block, whatever module is made is remembered."""
        original = torch.nn.Module.__init__

        def construct(module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
            if id(module) not in self.made:
                self.made[id(module)] = _made(module, sys._getframe(1))
                self._kept.append(module)
            original(module, *args, **kwargs)

        setattr(torch.nn.Module, "__init__", construct)  # noqa: B010
        try:
            yield
        finally:
            setattr(torch.nn.Module, "__init__", original)  # noqa: B010


def _made(module: torch.nn.Module, frame: Any) -> Made:
    arguments: dict[str, Any] = {}
    stack = []
    inside = True
    while frame is not None:
        if inside and _first_local(frame) is module:
            if not (arguments and _passes_on(frame.f_code)):
                arguments = {k: v for k, v in frame.f_locals.items() if v is not module}
        else:
            inside = False
            if frame.f_code.co_filename == FILE_NAME:
                stack.append(position(frame))
        frame = frame.f_back
    return Made(stack, arguments)


def _passes_on(code: CodeType) -> bool:
    """Whether a constructor names no argument: torch's recurrent layers hand theirs on so."""
    return code.co_argcount == 1 and bool(code.co_flags & inspect.CO_VARARGS)


def _first_local(frame: Any) -> Any:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if names else None
