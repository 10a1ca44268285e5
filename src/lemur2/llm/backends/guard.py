"""Limits on time and size of what a server sends, whatever it sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from lemur2.llm.backends.base import TransientError

_LOOK = 0.25  # seconds between two looks at the clock
_LINE = 4 << 20  # bytes of the longest line
_OPEN = 30.0  # seconds until a connection stands


@dataclass(eq=False)
class Watch:
    """A request under way.

    Attributes:
        until: When (`time.monotonic`) it is ended; who listens to it may move it.
        expired: Whether it was ended so.
    """

    until: float
    expired: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    def end(self) -> None:
        """Hang up: what reads from it, in whatever thread, gets to know at once."""
        self.expired = True
        for each in self.sockets:
            with suppress(OSError):  # it is closed already
                # Not the method of TLS's own class, which takes the reader's state away.
                socket.socket.shutdown(each, socket.SHUT_RDWR)


class Guard:
    """Watches over the requests of one client.

    A read that waits has a time limit of its own, but a server that says a little now and then
    never meets it. So a thread looks at the clock and hangs up; and what arrives is counted.

    Args:
        size: Bytes that one response may have.
        patience: Seconds without a byte after which a connection is given up.
    """

    def __init__(self, size: int, patience: float) -> None:
        self._size = size
        self._mine = threading.local()  # the watch of the request that a thread sends
        self._watches: set[Watch] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.http = httpx2.Client(
            timeout=httpx2.Timeout(patience, connect=min(_OPEN, patience)),
            # A connection for each request: then its socket is known from the beginning.
            limits=httpx2.Limits(max_keepalive_connections=0),
            follow_redirects=False,  # the key and the prompts are for nobody else
            headers={"Accept-Encoding": "identity"},
            event_hooks={"request": [self._on_request], "response": [self._on_response]},
        )
        threading.Thread(target=self._look, name="llm-guard", daemon=True).start()

    @contextmanager
    def watched(self, seconds: float) -> Iterator[Watch]:
        """Send one request inside; it is ended after so many seconds."""
        watch = self._mine.watch = Watch(time.monotonic() + seconds)
        with self._lock:
            self._watches.add(watch)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches.discard(watch)

    def close(self) -> None:
        """End all requests, in whatever thread they are."""
        self._closed.set()
        self._end(lambda watch: True)
        self.http.close()

    def _look(self) -> None:
        while not self._closed.wait(_LOOK):
            now = time.monotonic()
            self._end(lambda watch, now=now: now > watch.until)  # type: ignore[misc]

    def _end(self, which: Callable[[Watch], bool]) -> None:
        with self._lock:
            ended = [watch for watch in self._watches if which(watch)]
        for watch in ended:
            watch.end()

    def _on_request(self, request: httpx2.Request) -> None:
        watch = self._mine.watch

        def trace(event: str, info: dict[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                watch.sockets.append(info["return_value"].get_extra_info("socket"))

        request.extensions = {**request.extensions, "trace": trace}

    def _on_response(self, response: httpx2.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise TransientError(f"the reply is packed ({encoding:.40}), which was not asked for")
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Counted(response.stream, self._size)


class _Counted(httpx2.SyncByteStream):
    """A response's bytes, up to a limit for all of them and for each line."""

    def __init__(self, stream: httpx2.SyncByteStream, size: int) -> None:
        self._stream = stream
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        total = line = 0
        for part in self._stream:
            total += len(part)
            end = part.rfind(b"\n")
            line = len(part) - end - 1 if end >= 0 else line + len(part)
            if total > self._size or line > _LINE:
                what = f"a line of over {_LINE >> 20} MB"
                if total > self._size:
                    what = f"more than {self._size >> 20} MB"
                raise TransientError(f"the server sends {what}")
            yield part

    def close(self) -> None:
        self._stream.close()
