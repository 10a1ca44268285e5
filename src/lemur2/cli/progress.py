"""A status line on stderr, for people who wait."""

from __future__ import annotations

import sys

from lemur2.cli.text import printable

_ERASE = "\r\x1b[K"


class StatusLine:
    """One line that is overwritten; nothing at all where stderr is not a terminal."""

    def __init__(self) -> None:
        self.shown = False
        self._terminal = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Put this in the line."""
        if self._terminal:
            sys.stderr.write(_ERASE + printable(text))
            sys.stderr.flush()
            self.shown = True

    def clear(self) -> None:
        """Take the line away, before anything else is printed."""
        if self.shown:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self.shown = False
