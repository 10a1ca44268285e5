"""Worker side: what ordinary code asks for and a worker cannot give, replaced by what it can.

A worker has no processes and no compiler, and reads the allowed packages alone. Code that compiles
a function to make it faster, loads batches in processes beside it, or imports a package only where
it is there, is right without: it gets the same results, and a note says what is different.
"""

from __future__ import annotations

import importlib.machinery
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import torch
from torch.utils.data import DataLoader

COMPILE = "torch.compile is off in the sandbox"
LOADER = "DataLoader(num_workers={}) has no workers in the sandbox: 0 are used"

_notes: dict[str, None] = {}


def notes() -> list[str]:
    """What was replaced in this process so far, one line each, in order."""
    return list(_notes)


def install() -> None:
    """Replace them in this process. Once, in a worker, before a candidate's source is read."""
    torch.compile = _compile
    torch.nn.Module.compile = _compile_module  # type: ignore[method-assign, assignment]
    DataLoader.__init__ = _without_workers(DataLoader.__init__)  # type: ignore[method-assign]
    place = sys.meta_path.index(importlib.machinery.PathFinder)
    sys.meta_path[place] = Readable


def _note(text: str) -> None:
    _notes[text] = None


def _compile(model: Any = None, **options: Any) -> Any:
    """`torch.compile` in all its forms: what is compiled is given back as it is."""
    _note(COMPILE)
    return (lambda found: found) if model is None else model


def _compile_module(module: torch.nn.Module, *arguments: Any, **options: Any) -> None:
    _note(COMPILE)


def _without_workers(original: Callable[..., None]) -> Callable[..., None]:
    """The constructor of `DataLoader`, with what asks for processes left out."""
    signature = inspect.signature(original)

    def initialise(self: Any, *arguments: Any, **options: Any) -> None:
        given = signature.bind(self, *arguments, **options).arguments
        workers = given.get("num_workers", 0)
        if isinstance(workers, int) and workers > 0:
            _note(LOADER.format(workers))
            changed = ("timeout", "prefetch_factor", "persistent_workers")
            for name in ("num_workers", "multiprocessing_context", *changed):
                given.pop(name, None)
        if not torch.cuda.is_available():
            given.pop("pin_memory", None)
        given.pop("self")
        original(self, **given)

    return initialise


class Readable(importlib.machinery.PathFinder):
    """Finds modules as Python does, but for packages that this process may not read.

    Such a package is not there, so that code which does without it does.
    """

    hidden: set[str] = set()

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's spec; None where it is not found or not readable."""
        spec = super().find_spec(name, path, target)
        if spec is None or path is not None or not spec.has_location or spec.origin is None:
            return spec
        try:
            with open(spec.origin, "rb"):
                return spec
        except PermissionError:
            cls.hidden.add(name)
            return None
