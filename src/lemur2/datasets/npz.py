"""`npz:FILE`: arrays of pictures and of classes in numpy's archive, read a piece at a time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from lemur2.datasets.raw import Part
from lemur2.datasets.sources import PART_NAMES, Found, Picture, Source
from lemur2.errors import UserError
from lemur2.texts import one_line

_PICTURES = frozenset({"x", "images", "image", "data", "pictures", "imgs", "arr_0"})
_LABELS = frozenset({"y", "labels", "label", "targets", "target", "classes", "arr_1"})
_PIECE = 8 << 20  # bytes of pictures in memory at once
_ARCHIVE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError)


@dataclass(frozen=True)
class _Pair:
    """The members of one part: pictures and their classes."""

    part: Part | None
    pictures: str
    labels: str


class NumpyArrays(Source):
    """Pictures (N, H, W), (N, H, W, C) or (N, C, H, W) with classes (N,).

    Members are found by their names, alone (images, labels; x, y) or with a part (x_train,
    train_images, ...).

    Raises:
        UserError: It is not there, no such archive, or it has no such arrays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                shapes = {
                    name.removesuffix(".npy"): _header(archive, name)
                    for name in archive.namelist()
                    if name.endswith(".npy")
                }
                self._pairs = self._paired(shapes)
                self._labels = [self._classes(archive, pair) for pair in self._pairs]
        except _ARCHIVE as error:
            why = getattr(error, "strerror", None) or one_line(error, 160)
            raise UserError(f"{path} cannot be read as an archive of arrays ({why})") from error
        for pair, labels in zip(self._pairs, self._labels, strict=True):
            self._check(shapes[pair.pictures], labels, pair)
        sizes = {_size(shapes[pair.pictures].shape) for pair in self._pairs}
        if len(sizes) > 1:
            raise UserError(f"the arrays in {path} have pictures of several sizes")
        self.uniform = sizes.pop()

    def __len__(self) -> int:
        return sum(map(len, self._labels))

    def __iter__(self) -> Iterator[Found]:
        for pair, labels in zip(self._pairs, self._labels, strict=True):
            try:
                with zipfile.ZipFile(self.path) as archive:
                    rows = self._rows(archive, pair.pictures)
                    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
                        yield Picture(f"{pair.pictures}[{number}]", label, pair.part, row)
            except _ARCHIVE as error:
                raise UserError(
                    f"{pair.pictures} in {self.path} cannot be read ({one_line(error, 160)})"
                ) from error

    def files(self) -> Sequence[Path]:
        """The archive."""
        return [self.path]

    def _paired(self, shapes: dict[str, _Header]) -> list[_Pair]:
        """Arrays of pictures with those of their classes; first by their names' forms."""
        found: dict[tuple[str | None, bool], str] = {}
        for name in shapes:
            word, part = _parsed(name)
            if word in _PICTURES or word in _LABELS:
                found.setdefault((part, word in _LABELS), name)
        pairs = [
            _Pair(PART_NAMES.get(part or ""), name, found[part, True])
            for (part, labels), name in found.items()
            if not labels and (part, True) in found
        ]
        if len(pairs) > 1:
            pairs = [pair for pair in pairs if pair.part is not None]
        if not pairs:
            names = ", ".join(one_line(name, 40) for name in list(shapes)[:12]) or "none"
            raise UserError(
                f"{self.path} has no pair of arrays of pictures and classes, but {names}; call "
                "them images and labels, or x_train, y_train, x_test and y_test"
            )
        return pairs

    def _classes(self, archive: zipfile.ZipFile, pair: _Pair) -> list[str]:
        with archive.open(f"{pair.labels}.npy") as file:
            values = np.lib.format.read_array(file, allow_pickle=False)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim == 2 and ((values != 0).sum(axis=1) == 1).all():
            values = values.argmax(axis=1)
        if values.ndim != 1:
            raise UserError(
                f"{pair.labels} in {self.path} is {values.shape}; one class a picture is needed"
            )
        if values.dtype.kind == "f":
            if not (np.isfinite(values).all() and (values == np.round(values)).all()):
                raise UserError(f"{pair.labels} in {self.path} has classes like 0.5; number them")
            values = values.astype(np.int64)
        if values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8", "replace")
        return [str(value) for value in values.tolist()]

    def _check(self, header: _Header, labels: list[str], pair: _Pair) -> None:
        where = f"{pair.pictures} in {self.path}"
        if header.dtype.kind not in "buif":
            raise UserError(f"{where} holds {header.dtype}, no numbers of pixels")
        shape = header.shape
        if not (len(shape) == 3 or (len(shape) == 4 and _channels(shape))) or 0 in shape:
            raise UserError(f"{where} is {shape}; pictures are (N, H, W) or (N, H, W, C)")
        if len(labels) != shape[0]:
            raise UserError(
                f"{where} has {shape[0]} pictures, but {pair.labels} {len(labels)} classes"
            )

    def _rows(self, archive: zipfile.ZipFile, name: str) -> Iterator[np.ndarray]:
        """A member's pictures as uint8 (H, W) or (H, W, C), a piece in memory at a time."""
        with archive.open(f"{name}.npy") as file:
            header = _read_header(file)
            if header.fortran:
                raise UserError(f"{name} in {self.path} is stored by column; save it in C order")
            each = int(np.prod(header.shape[1:])) * header.dtype.itemsize
            step = max(1, _PIECE // each)
            for start in range(0, header.shape[0], step):
                count = min(step, header.shape[0] - start)
                data = file.read(count * each)
                rows = np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])
                yield from self._pixels(rows, name)

    def _pixels(self, rows: np.ndarray, name: str) -> np.ndarray:
        """As uint8, channels last; one channel has no axis of its own."""
        if rows.ndim == 4 and rows.shape[3] not in (1, 3, 4):
            rows = rows.transpose(0, 2, 3, 1)
        if rows.ndim == 4 and rows.shape[3] == 1:
            rows = rows[..., 0]
        return np.ascontiguousarray(self._bytes(rows, name))

    def _bytes(self, rows: np.ndarray, name: str) -> np.ndarray:
        if rows.dtype == np.uint8:
            return rows
        if rows.dtype.kind == "b":
            return rows.astype(np.uint8) * 255
        if rows.dtype.kind == "f":
            if not (rows.min() >= 0 and rows.max() <= 1):
                raise UserError(f"{name} in {self.path} has real numbers that are not from 0 to 1")
            return (rows * 255).round().astype(np.uint8)
        if rows.dtype == np.uint16 and rows.max() > 255:
            return (rows >> 8).astype(np.uint8)
        if rows.min() < 0 or rows.max() > 255:
            raise UserError(f"{name} in {self.path} has whole numbers that are not from 0 to 255")
        return rows.astype(np.uint8)


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    with archive.open(name) as file:
        return _read_header(file)


def _read_header(file: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    return _Header(*read(file))


def _parsed(name: str) -> tuple[str, str | None]:
    """What an array holds and its part: of `train_images` and of `X_train`."""
    words = name.casefold().replace("-", "_").split("_")
    parts = [word for word in words if word in PART_NAMES]
    rest = "_".join(word for word in words if word not in PART_NAMES)
    return rest, PART_NAMES[parts[0]] if parts else None


def _channels(shape: tuple[int, ...]) -> bool:
    return shape[3] in (1, 3, 4) or shape[1] in (1, 3)


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width."""
    if len(shape) == 4 and shape[3] not in (1, 3, 4):
        return shape[2], shape[3]
    return shape[1], shape[2]
