"""Pictures that people have, as a network's data set has them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from lemur2.errors import UserError
from lemur2.quiet import cpus

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
)
_MOST_PIXELS = 100_000_000
_MODES = {1: "L", 3: "RGB"}  # by the number of channels


class Unreadable(Exception):
    """A file that is no picture; the text says why."""


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

    It is turned as its camera says, and its first frame is taken. One of another size is resized
    so that the shorter side fits, and cut in the middle; one of that very size stays as it is.

    Raises:
        Unreadable: It is no picture, or too large.
    """
    channels, height, width = shape
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise Unreadable(f"it has {opened.width} x {opened.height} pixels")
                picture: Any = ImageOps.exif_transpose(_as_bytes(opened))
        picture = _on_white(picture).convert(_MODES[channels])
        if picture.size != (width, height):
            picture = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Unreadable(" ".join(str(error).split())[:200] or "it cannot be decoded") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Unreadable("it would take too much memory to decode") from error
    pixels: np.ndarray = np.asarray(picture, dtype=np.uint8)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _as_bytes(opened: Any) -> Any:
    """16-bit greys scaled to 8 bits: converting would cut them off."""
    if opened.mode.startswith("I"):
        values = np.asarray(opened, dtype=np.int64)
        from PIL import Image

        return Image.fromarray((values >> 8 if values.max() > 255 else values).astype(np.uint8))
    return opened


def _on_white(picture: Any) -> Any:
    """What can be seen through, on a white ground."""
    from PIL import Image

    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode not in ("RGBA", "LA", "PA"):
        return picture
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


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
