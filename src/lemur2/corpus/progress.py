"""How an import or export tells how far it is."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called with what is under way, how much is done, and how much there is (0: unknown)."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def told(items: Sequence[T], what: str, progress: Progress) -> Iterator[T]:
    """The items, one by one; before each, `progress` is told how many were taken."""
    for done, item in enumerate(items):
        progress(what, done, len(items))
        yield item
