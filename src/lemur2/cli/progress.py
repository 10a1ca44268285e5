"""A status line on stderr, for people who wait."""

from __future__ import annotations

import sys
import time

from lemur2.cli.text import printable

_ERASE = "\r\x1b[K"
_PAUSE = 10.0  # seconds between two lines where nothing can be overwritten


class StatusLine:
    """One line that is overwritten; nothing at all where stderr is not a terminal."""

    def __init__(self) -> None:
        self.shown = False
        self._terminal = sys.stderr.isatty()
        self._told = time.monotonic()

    def show(self, text: str) -> None:
        """Put this in the line."""
        if self._terminal:
            sys.stderr.write(_ERASE + printable(text))
            sys.stderr.flush()
            self.shown = True

    def tell(self, text: str) -> None:
        """Show what is being done; where stderr is no terminal, every ten seconds, in a line.

        Who waits for long must see why, whatever reads along. May be called from any thread.
        """
        self.show(text)
        now = time.monotonic()
        if not self._terminal and now - self._told > _PAUSE:
            self._told = now
            sys.stderr.write(f"{printable(text)}\n")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away, before anything else is printed."""
        if self.shown:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self.shown = False
