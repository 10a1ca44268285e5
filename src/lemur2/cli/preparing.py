"""What a command shows while a data set is read, whichever command it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lemur2.watching import watch

if TYPE_CHECKING:
    from lemur2.cli.progress import Progress


@contextmanager
def reading_shown() -> Iterator[None]:
    """Within the block long work that is watched has a status line."""
    line = _Line()
    try:
        with watch(line.show):
            yield
    finally:
        line.close()


class _Line:
    """A status line that is made when there is something to show."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def show(self, text: str, done: int, total: int) -> None:
        from lemur2.cli.progress import Progress

        self._progress = self._progress or Progress()
        self._progress.show(text, done, total)
        if done >= total:
            self.close()

    def close(self) -> None:
        if self._progress is not None:
            self._progress.close()
            self._progress = None
