"""Messages between the parent and a worker: a JSON head and plain arrays, over a socket.

Nothing is ever pickled: what a worker sends is data, checked on arrival. A message from a worker
carries its job's key, which only the worker's own frames know; a candidate that writes bytes to
descriptors it finds does not speak for the worker. (A candidate that digs the key out of the
interpreter's memory can: then it forges what screening says of it, and no more, since scores are
computed by the parent from predictions on labels that the worker does not have.)
"""

from __future__ import annotations

import json
import os
import select
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

KEY_BYTES = 16
_HEAD = struct.Struct(f">{KEY_BYTES}sIQ")
_MAX_JSON = 64 << 20
_MAX_ARRAYS = 8 << 30
_DTYPES = frozenset({"uint8", "int64", "int32", "float16", "float32", "float64", "bool"})

Message = dict[str, Any]
Wait = Callable[[int, float | None], None]


class ChannelClosed(Exception):
    """The other side is gone."""


class Forged(Exception):
    """What arrived is not from the worker: a wrong key, or not a message at all."""


class Late(Exception):
    """The deadline passed."""


class Channel:
    """One end of a connection. Not thread-safe; each side is driven by one thread.

    Args:
        descriptor: The socket's file descriptor; the channel does not own it.
        key: What both ends put before every message.
        wait: Called before every read and write with the poll event wanted and the deadline;
            returns when the descriptor is ready, or raises to give up. Without it, calls block.
    """

    def __init__(self, descriptor: int, key: bytes, *, wait: Wait | None = None) -> None:
        self._descriptor = descriptor
        self._key = key
        self._wait = wait or _block

    def send(
        self,
        head: Mapping[str, Any],
        arrays: Sequence[np.ndarray] = (),
        deadline: float | None = None,
    ) -> None:
        """Send a message; `deadline` is on the monotonic clock.

        Raises:
            ChannelClosed: The other side is gone.
            Late: The deadline passed.
        """
        packed = [np.ascontiguousarray(array) for array in arrays]
        shapes = [[array.dtype.name, list(array.shape)] for array in packed]
        body = json.dumps({**head, "arrays": shapes}).encode()
        size = sum(array.nbytes for array in packed)
        self._write(_HEAD.pack(self._key, len(body), size) + body, deadline)
        for array in packed:
            if array.nbytes:
                self._write(array.data.cast("B"), deadline)

    def receive(self, deadline: float | None = None) -> tuple[Message, list[np.ndarray]]:
        """The next message and its arrays.

        Raises:
            ChannelClosed: The other side is gone.
            Forged: What arrived is no message of the other side's.
            Late: The deadline passed.
        """
        key, json_size, array_size = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if key != self._key or json_size > _MAX_JSON or array_size > _MAX_ARRAYS:
            raise Forged("a message without the worker's key")
        body = self._read(json_size, deadline)
        try:
            head = json.loads(body)
            shapes = [(str(name), tuple(map(int, shape))) for name, shape in head.pop("arrays")]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise Forged("a message that cannot be read") from error
        arrays = [self._array(name, shape, deadline) for name, shape in shapes]
        if sum(array.nbytes for array in arrays) != array_size:
            raise Forged("a message whose arrays do not add up")
        return head, arrays

    def _array(self, name: str, shape: tuple[int, ...], deadline: float | None) -> np.ndarray:
        if name not in _DTYPES or any(side < 0 for side in shape):
            raise Forged(f"an array of {name} {shape}")
        dtype = np.dtype(name)
        size = dtype.itemsize
        for side in shape:
            size *= side
        if size > _MAX_ARRAYS:
            raise Forged(f"an array of {size} bytes")
        return np.frombuffer(self._read(size, deadline), dtype=dtype).reshape(shape)

    def _read(self, size: int, deadline: float | None) -> bytearray:
        buffer = bytearray(size)
        view, got = memoryview(buffer), 0
        while got < size:
            self._wait(select.POLLIN, deadline)
            count = self._transfer(os.readv, [view[got:]])
            if count == 0:
                raise ChannelClosed
            got += count or 0
        return buffer

    def _write(self, data: bytes | memoryview, deadline: float | None) -> None:
        view = memoryview(data)
        while view:
            self._wait(select.POLLOUT, deadline)
            view = view[self._transfer(os.write, view[: 1 << 20]) or 0 :]

    def _transfer(self, function: Callable[[int, Any], int], data: Any) -> int | None:
        """Bytes moved; None where the descriptor was not ready after all."""
        try:
            return function(self._descriptor, data)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ChannelClosed from error


def _block(event: int, deadline: float | None) -> None:
    """Let the descriptor itself block."""
