"""What a worker prints: kept within a limit, the rest dropped."""

from __future__ import annotations

import codecs
from collections.abc import Callable

Hear = Callable[[str], None]


class Output:
    """The head and the tail of what a worker printed, and how much was dropped between them.

    Args:
        limit: Bytes to keep, half of them for each.
        hear: Called with the head's text as it comes, and with the rest at the end.
    """

    def __init__(self, limit: int, hear: Hear | None = None) -> None:
        self._half = limit // 2
        self._hear = hear
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = b""
        self._tail = b""
        self._dropped = 0

    def add(self, data: bytes) -> None:
        """Take what was printed next."""
        room = self._half - len(self._head)
        head, rest = data[:room], data[room:]
        self._head += head
        if head and self._hear is not None:
            self._hear(self._decoder.decode(head))
        kept = (self._tail + rest)[-self._half :]
        self._dropped += len(self._tail) + len(rest) - len(kept)
        self._tail = kept

    def end(self) -> None:
        """Nothing more comes: the listener gets the rest."""
        if self._hear is None:
            return
        if self._dropped:
            rest = self._decoder.decode(b"", final=True) + self._rest()
        else:  # a character may begin in the head and end in the tail
            rest = self._decoder.decode(self._tail, final=True)
        if rest:
            self._hear(rest)

    @property
    def text(self) -> str:
        """All that was kept, with a line where something was dropped."""
        if not self._dropped:
            return (self._head + self._tail).decode(errors="replace")
        return self._head.decode(errors="replace") + self._rest()

    @property
    def note(self) -> str:
        """That something was dropped; "" where all was kept."""
        kept = f"{2 * self._half / 1024:g} KiB"
        return f"printed more than {kept}: the middle of it was dropped" if self._dropped else ""

    @property
    def tail(self) -> str:
        """The last of it, at most half the limit."""
        return (self._head + self._tail)[-self._half :].decode(errors="replace")

    def _rest(self) -> str:
        tail = self._tail.decode(errors="replace")
        if not self._dropped:
            return tail
        return f"\n[{self._dropped:,} bytes dropped: more was printed than is kept]\n{tail}"
