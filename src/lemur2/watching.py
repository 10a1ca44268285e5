"""How far long work is: said by whoever does it, shown by whoever watches.

Reading a data set takes minutes where it is large, and is started deep inside other calls. Nobody
in between passes a callback on: `watch` sets one for all that is called within its block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much (0: not known)."""

_watcher: ContextVar[Watcher | None] = ContextVar("lemur2_watcher", default=None)


@contextmanager
def watch(watcher: Watcher | None) -> Iterator[None]:
    """Have a watcher told of what goes on within the block; None leaves the present one there."""
    token = _watcher.set(watcher or _watcher.get())
    try:
        yield
    finally:
        _watcher.reset(token)


def tell(text: str, done: int, total: int) -> None:
    """Say how far it is. It has ended once `done` is `total`."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(text, done, total)
