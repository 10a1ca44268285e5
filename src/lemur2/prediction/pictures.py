"""Pictures that people have, as a network's data set has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lemur2.datasets.pictures import Unreadable, as_channels, read
from lemur2.errors import UserError
from lemur2.quiet import cpus

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)


def picture_files(places: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and the pictures in folders that are, by their names.

    Hidden files, and links that lead out of their folder, are passed over.

    Raises:
        UserError: A place is not there, or a folder has no picture.
    """
    for place in places:
        if place.is_dir():
            found = sorted(each for each in place.rglob("*") if _is_picture(each, place))
            if not found:
                raise UserError(f"{place} has no pictures ({', '.join(sorted(SUFFIXES))})")
            yield from found
        elif place.exists():
            yield place
        else:
            raise UserError(f"there is no file {place}")


def _is_picture(path: Path, folder: Path) -> bool:
    inside = path.resolve().is_relative_to(folder.resolve())
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and path.is_file() and inside and not hidden


def read_picture(path: Path, shape: Sequence[int]) -> np.ndarray:
    """A picture as a data set of some shape stores it: uint8 (C, H, W).

    It is read as data sets of people's own pictures are (`lemur2.datasets.pictures`): turned as
    its camera says, the first frame, resized so that the shorter side fits, cut in the middle.

    Raises:
        Unreadable: It is no picture, damaged, or too large.
    """
    channels, height, width = shape
    return as_channels(read(path, (height, width), grey=channels == 1).pixels, channels)


Read = tuple[Path, np.ndarray | Unreadable]


def read_pictures(
    files: Iterable[Path], shape: Sequence[int], *, at_once: int = 64
) -> Iterator[list[Read]]:
    """Pictures a batch at a time, decoded in parallel, the next batch while one is used."""
    with ThreadPoolExecutor(cpus()) as pool:
        batches = _batches(files, at_once)
        due = [pool.submit(_read, path, shape) for path in next(batches, [])]
        while due:
            coming = [pool.submit(_read, path, shape) for path in next(batches, [])]
            yield [each.result() for each in due]
            due = coming


def _read(path: Path, shape: Sequence[int]) -> Read:
    try:
        return path, read_picture(path, shape)
    except Unreadable as error:
        return path, error


def _batches(files: Iterable[Path], size: int) -> Iterator[list[Path]]:
    batch: list[Path] = []
    for path in files:
        batch.append(path)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
