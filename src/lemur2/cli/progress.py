"""How far a command is: a status line on stderr, for people who wait.

On a terminal it is one line that is overwritten, from the first second on and every second. In a
pipe or a file it is a line as soon as there is a rate to tell (after half a minute where there is
none yet, so that what fails at once is one line on stderr), then more and more seldom.
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self

from lemur2.cli.output import cut, width
from lemur2.cli.text import printable

_ERASE = "\r\x1b[K"
# Seconds between lines where stderr is no terminal: at first, before anything is done, later on.
_SOON, _NOTHING_YET, _SELDOM = 1.0, 30.0, 60.0


class Progress:
    """A status line with a count, a rate and the time that is left. A context manager.

    It is shown by a thread of its own, so that it lives while a step takes long; what it shows is
    said from any thread.
    """

    def __init__(self, text: str = "") -> None:
        """Say what is being done from the start, or nothing yet."""
        self._terminal = sys.stderr.isatty()
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown = False
        self._pause = _SOON  # seconds from the last line in a pipe to the next
        self._since = 0.0
        self._text, self._note = "", ""
        self._began, self._first, self._done, self._total = 0.0, 0, 0, 0
        if text:
            self.show(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def show(self, text: str, done: int = 0, total: int = 0, note: str = "") -> None:
        """What is being done, how much of how much (where that is known), and a remark.

        The rate counts from the first call with this text.
        """
        with self._lock:
            if text != self._text:
                self._text, self._began, self._first = text, time.monotonic(), done
            self._done, self._total, self._note = done, total, note
        if self._thread is None:
            self._since = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="lemur2-progress", daemon=True)
            self._thread.start()
        if self._terminal:
            self._draw()

    def clear(self) -> None:
        """Take the line away before anything else is printed; it comes back by itself."""
        with self._lock:
            self._erase()
            if not self._terminal:  # what is printed now says as well how far it is
                self._since = time.monotonic()

    def close(self) -> None:
        """Take the line away for good, or until something is shown again."""
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._thread = None
            self._ended.clear()
        with self._lock:
            self._erase()
            self._text = ""

    def _run(self) -> None:
        while not self._ended.wait(1.0 if self._terminal else 0.2):
            if self._terminal:
                self._draw()
            elif time.monotonic() >= self._since + self._quiet():
                self._pause = min(max(2 * self._pause, 5.0), _SELDOM)
                self._since = time.monotonic()
                self._write(f"{self.line()}\n")

    def _quiet(self) -> float:
        """Seconds without a line in a pipe."""
        return self._pause if self._done > self._first else max(self._pause, _NOTHING_YET)

    def _draw(self) -> None:
        room = width(sys.stderr)
        with self._lock:
            self._write(_ERASE + cut(self.line(), None if room is None else room - 1))
            self._shown = True

    def _erase(self) -> None:
        if self._shown:
            self._write(_ERASE)
            self._shown = False

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    def line(self) -> str:
        """What is shown now."""
        seconds = time.monotonic() - self._began
        return printable(
            status(self._text, seconds, self._done - self._first, self._first, self._total)
            + (f": {self._note}" if self._note else "")
        )


def status(text: str, seconds: float, done: int, before: int = 0, total: int = 0) -> str:
    """A status line.

    Args:
        text: What is being done.
        seconds: For how long.
        done: How much of it was done in that time.
        before: How much was done before.
        total: How much there is to do; 0 where that is not known.
    """
    if not total and not done:
        return f"{text}, {duration(seconds)}"
    parts = [f"{text} {before + done:,}" + (f" of {total:,}" if total else "")]
    if done and seconds > 0:
        parts.append(rate(done / seconds))
        left = total - before - done
        if left > 0:
            parts.append(f"{duration(seconds / done * left)} left")
    else:
        parts.append(duration(seconds))
    return ", ".join(parts)


def rate(each_second: float) -> str:
    """How much is done in a second, or in a minute or an hour where that is less than 1."""
    for seconds, unit in ((1, "s"), (60, "min")):
        if each_second * seconds >= 1:
            return f"{each_second * seconds:,.{0 if each_second * seconds >= 100 else 1}f}/{unit}"
    return f"{each_second * 3600:.1f}/h"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 7 min, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
