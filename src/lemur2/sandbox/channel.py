"""Messages between the parent and a worker: a JSON head and plain arrays, over a socket.

Nothing is ever pickled: what a worker sends is data, checked on arrival. A message from a worker
carries its job's key, which only the worker's own frames know; a candidate that writes bytes to
descriptors it finds does not speak for the worker. (A candidate that digs the key out of the
interpreter's memory can: then it forges what screening says of it, and no more, since scores are
computed by the parent from predictions on labels that the worker does not have.)
"""

from __future__ import annotations

import json
import math
import os
import select
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lemur2.sandbox.awaited import Array, Awaited

KEY_BYTES = 16
_HEAD = struct.Struct(f">{KEY_BYTES}sIQ")
_PIECE = 1 << 18  # bytes that are read at once
_LONGEST_SIDE = 1 << 40  # of an array
_DTYPES = frozenset({"uint8", "int64", "int32", "float16", "float32", "float64", "bool"})

# What the worker takes from its parent, which it trusts.
ANYTHING = Awaited(json=1 << 30, arrays=None, array_bytes=1 << 40)

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
        packed = [np.asarray(array, order="C") for array in arrays]  # a number stays one
        shapes = [[array.dtype.name, list(array.shape)] for array in packed]
        body = json.dumps({**head, "arrays": shapes}).encode()
        size = sum(array.nbytes for array in packed)
        self._write(_HEAD.pack(self._key, len(body), size) + body, deadline)
        for array in packed:
            if array.nbytes:
                self._write(array.reshape(-1).data.cast("B"), deadline)

    def receive(
        self, deadline: float | None = None, awaited: Awaited = ANYTHING
    ) -> tuple[Message, list[np.ndarray]]:
        """The next message and its arrays, which must be what is awaited.

        Memory is taken as bytes arrive: what a head announces costs nothing.

        Raises:
            ChannelClosed: The other side is gone.
            Forged: What arrived is no message of the other side's, or not what was asked for.
            Late: The deadline passed.
        """
        key, json_size, array_size = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if key != self._key:
            raise Forged("a message without the worker's key")
        if json_size > awaited.json:
            raise Forged(f"a message of {json_size:,} bytes, where {awaited.json:,} are the most")
        head, shapes = _parsed(self._read(json_size, deadline))
        if "refused" in head and not shapes and not array_size:
            return head, []
        _check_arrays(shapes, array_size, awaited)
        return head, [self._array(name, shape, deadline) for name, shape in shapes]

    def _array(self, name: str, shape: tuple[int, ...], deadline: float | None) -> np.ndarray:
        data = np.frombuffer(self._read(_bytes(name, shape), deadline), dtype=name)
        try:
            return data.reshape(shape)
        except ValueError as error:  # nothing, in more axes or larger ones than there can be
            raise Forged("an array that cannot be") from error

    def _read(self, size: int, deadline: float | None) -> bytearray:
        buffer = bytearray()
        while len(buffer) < size:
            self._wait(select.POLLIN, deadline)
            piece = self._transfer(os.read, min(size - len(buffer), _PIECE))
            if piece is not None and not piece:
                raise ChannelClosed
            buffer += piece or b""
        return buffer

    def _write(self, data: bytes | memoryview, deadline: float | None) -> None:
        view = memoryview(data)
        while view:
            self._wait(select.POLLOUT, deadline)
            view = view[self._transfer(os.write, view[: 1 << 20]) or 0 :]

    def _transfer(self, function: Callable[[int, Any], Any], given: Any) -> Any:
        """What the call gives; None where the descriptor was not ready after all."""
        try:
            return function(self._descriptor, given)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ChannelClosed from error


def _parsed(body: bytearray) -> tuple[Message, list[Array]]:
    """A message's head, and what arrays follow. Raises Forged."""
    try:
        head = json.loads(body)
        shapes = [(_name(name), tuple(map(_side, shape))) for name, shape in head.pop("arrays")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Forged("a message that cannot be read") from error
    return head, shapes


def _name(value: Any) -> str:
    if not (isinstance(value, str) and value in _DTYPES):
        raise ValueError("no dtype")
    return value


def _side(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LONGEST_SIDE:
        raise ValueError("no side of an array")
    return value


def _check_arrays(shapes: list[Array], size: int, awaited: Awaited) -> None:
    """Raises Forged where these arrays, of so many bytes by the head, are not those awaited."""
    if sum(_bytes(*each) for each in shapes) != size:
        raise Forged("a message whose arrays do not add up")
    if awaited.arrays is None:
        if size > awaited.array_bytes:
            raise Forged(f"arrays of {size:,} bytes, where {awaited.array_bytes:,} are the most")
    elif tuple(shapes) != awaited.arrays:
        raise Forged("arrays that were not asked for")


def _bytes(name: str, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * np.dtype(name).itemsize


def _block(event: int, deadline: float | None) -> None:
    """Let the descriptor itself block."""
