"""All pictures of a source decoded once, in parallel, into a file that nobody else sees."""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import IO, Any, TypeVar

import numpy as np

from lemur2.datasets.pictures import (
    Decoded,
    Size,
    Unreadable,
    as_channels,
    quiet_decoding,
    read,
    size_of,
)
from lemur2.datasets.raw import Part
from lemur2.datasets.sources import Found, Picture, Skipped, Source, Tally
from lemur2.quiet import cpus
from lemur2.watching import tell

LEAST_SIDE, MOST_SIDE = 32, 224
_AHEAD = 8  # pictures for each thread that are on their way
T = TypeVar("T")


class Pixels:
    """Decoded pictures on disk, as an array of uint8 (N, C, H, W) that is read when indexed.

    Each is written as it comes, with one channel where it is grey. The file has no name: it is
    gone with the process, however that ends.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, folder: Path, size: Size) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _nameless(folder)
        weakref.finalize(self, self._file.close)
        self._size = size
        self._places: list[tuple[int, int]] = []  # offset, channels
        self._end = 0

    def append(self, pixels: np.ndarray) -> None:
        """Add one, uint8 (1 or 3, H, W)."""
        self._file.write(pixels.data)
        self._places.append((self._end, len(pixels)))
        self._end += pixels.nbytes

    def close(self) -> None:
        """Have everything on disk; nothing is added any more."""
        self._file.flush()

    @property
    def channels(self) -> int:
        """1 where every picture is grey, else 3."""
        return max((channels for _, channels in self._places), default=1)

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples, channels, height, width."""
        return (len(self._places), self.channels, *self._size)

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        """The pictures at these positions."""
        shape = self.shape
        batch = np.empty((len(indices), *shape[1:]), dtype=np.uint8)
        for row, index in zip(batch, indices, strict=True):
            row[:] = as_channels(self._one(int(index)), shape[1])
        return batch

    def _one(self, index: int) -> np.ndarray:
        offset, channels = self._places[index]
        height, width = self._size
        data = os.pread(self._file.fileno(), channels * height * width, offset)
        return np.frombuffer(data, dtype=np.uint8).reshape(channels, height, width)


def _nameless(folder: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=folder, prefix=".pictures-")


@dataclass
class Collected:
    """What came of a source: the pixels, and in lists of the same length all that goes with them.

    Attributes:
        pixels: The pictures.
        names: What messages call each.
        labels: Its class.
        parts: Where the source says that it belongs.
        digests: Of its pixels as they are stored; alike for pictures that a network cannot tell
            apart.
        sizes: Height and width before it was resized.
        skipped: What was left out.
    """

    pixels: Pixels
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[Part | None] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    skipped: Tally = field(default_factory=Tally)

    def add(self, picture: Picture, decoded: Decoded) -> None:
        """Take one picture."""
        self.pixels.append(decoded.pixels)
        self.names.append(picture.name)
        self.labels.append(picture.label)
        self.parts.append(picture.part)
        self.digests.append(hashlib.blake2b(decoded.pixels.data, digest_size=16).digest())
        self.sizes.append(decoded.size)


def median_side(source: Source, text: str) -> int:
    """The median of the pictures' shorter sides, but from 32 to 224. Only headers are read."""

    def look(found: Found) -> int:
        if isinstance(found, Skipped):
            return 0
        try:
            return min(size_of(found.content))
        except Unreadable:
            return 0

    with quiet_decoding():
        sides = [side for _, side in _parallel(look, source, len(source), text) if side]
    return min(max(median_low(sides), LEAST_SIDE), MOST_SIDE) if sides else LEAST_SIDE


def collect(source: Source, size: Size, folder: Path, text: str) -> Collected:
    """Decode every picture of a source.

    Args:
        source: Where they come from.
        size: Height and width that all are brought to.
        folder: Where there is room for their pixels; it is made where it is not there.
        text: What is being done, for whoever watches.
    """
    found = Collected(Pixels(folder, size))

    def decode(each: Found) -> Decoded | str:
        if isinstance(each, Skipped):
            return each.reason
        try:
            return read(each.content, size)
        except Unreadable as error:
            return str(error)

    with quiet_decoding():
        for each, decoded in _parallel(decode, source, len(source), text):
            if isinstance(each, Picture) and isinstance(decoded, Decoded):
                found.add(each, decoded)
            else:
                found.skipped.add(each.name, str(decoded))
    found.pixels.close()
    return found


def _parallel(
    work: Callable[[Found], T], source: Iterable[Found], total: int, text: str
) -> Iterator[tuple[Found, T]]:
    """What was found with what came of it, in order, a bounded number on their way at a time."""
    threads = cpus()
    waiting: deque[tuple[Found, Future[T]]] = deque()
    done = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="lemur2-pictures")
    try:
        for each in source:
            waiting.append((each, pool.submit(work, each)))
            if len(waiting) > threads * _AHEAD:
                yield _first(waiting)
                done += 1
                tell(text, done, max(total, done + 1))
        while waiting:
            yield _first(waiting)
        tell(text, total, total)
    finally:
        pool.shutdown(cancel_futures=True)


def _first(waiting: deque[tuple[Found, Future[Any]]]) -> tuple[Found, Any]:
    each, future = waiting.popleft()
    return each, future.result()
