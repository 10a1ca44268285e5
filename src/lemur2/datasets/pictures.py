"""Any picture that people have, as uint8 pixels. The one place that decodes; Pillow does it.

The rules, which docs/guides/own-data.md states for users: the first frame, turned as the camera
says; what can be seen through lies on white; 16 bits a pixel keep their upper 8; colours are RGB;
the middle is cut out in the shape that is wanted, and resized (bilinear, antialiased).
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lemur2.errors import UserError

MOST_PIXELS = 89_478_485  # of one picture; Pillow's own line between large and dangerous
Content = Path | bytes | np.ndarray  # a file, an encoded picture, or uint8 pixels (H, W[, C])
Size = tuple[int, int]  # height, width

# What is tried. Not all that Pillow has: EPS starts another program, and others have no signature,
# so that a text file passes for a picture.
_FORMATS = ("AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "QOI", "TIFF", "WEBP")
_GREY = frozenset({"1", "L"})
_CLEAR = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
_ORIENTATION = 0x0112  # the tag of EXIF
_LARGE = 16_000_000  # pixels; of such pictures one is decoded at a time
_one_large = threading.Lock()


class Unreadable(Exception):
    """A picture that is left out; the text says why in a few words, alike for all of its kind."""


@dataclass(frozen=True)
class Decoded:
    """A picture's pixels.

    Attributes:
        pixels: uint8 (1, H, W) where it is grey throughout, else (3, H, W).
        size: Height and width that it had before it was cut and resized.
    """

    pixels: np.ndarray
    size: Size


def size_of(content: Content) -> Size:
    """Height and width, from the header alone; a side-ways photograph's are not yet turned.

    Raises:
        Unreadable: It is no picture, or too large.
    """
    if isinstance(content, np.ndarray):
        return content.shape[0], content.shape[1]
    with _opened(content) as image:
        return image.height, image.width


def read(content: Content, size: Size, *, grey: bool = False) -> Decoded:
    """Decode a picture, and bring it to a size; colours become their brightness where `grey`.

    Raises:
        Unreadable: It is no picture, damaged, or too large.
    """
    if isinstance(content, np.ndarray):
        image = _pillow().fromarray(content)
        return _decoded(_plain(image), size, grey)
    with _opened(content) as image:
        large = image.height * image.width > _LARGE
        with _one_large if large else nullcontext():
            return _decoded(_plain(_upright(image)), size, grey)


def _decoded(plain: Any, size: Size, grey: bool) -> Decoded:
    fitted = _fitted(plain.convert("L") if grey else plain, size)
    return Decoded(_collapsed(fitted), (plain.height, plain.width))


def as_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Grey pixels (1, H, W) as so many channels; others stay as they are."""
    return pixels if len(pixels) == channels else np.repeat(pixels, channels, axis=0)


@contextmanager
def quiet_decoding() -> Iterator[None]:
    """Within the block decoders' warnings (odd metadata, many pixels) are not shown.

    It is for the thread that starts the others: what is ignored is one list for all.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise UserError("Pillow reads pictures: pip install 'lemur2[train]'") from error
    Image.init()
    return Image


@cache
def _formats() -> tuple[str, ...]:
    return tuple(name for name in _FORMATS if name in _pillow().OPEN)


@contextmanager
def _opened(content: Path | bytes) -> Iterator[Any]:
    """The picture, opened and not yet decoded. Whatever goes wrong in the block is Unreadable."""
    source: Any = io.BytesIO(content) if isinstance(content, bytes) else content
    pillow = _pillow()
    if isinstance(content, Path) and os.path.exists(content) and not os.path.isfile(content):
        raise Unreadable("no regular file")
    try:
        with pillow.open(source, formats=_formats()) as image:
            if image.height * image.width > MOST_PIXELS:
                raise Unreadable(f"more than {MOST_PIXELS:,} pixels")
            yield image
    except Unreadable:
        raise
    except pillow.DecompressionBombError as error:
        raise Unreadable(f"more than {MOST_PIXELS:,} pixels") from error
    except Exception as error:  # damaged files make decoders raise anything
        raise Unreadable(_why(error, content)) from error


def _why(error: Exception, content: Path | bytes) -> str:
    text = str(error).lower()
    if isinstance(error, FileNotFoundError):
        return "not there"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"cannot be read ({error.strerror})"
    if isinstance(error, _pillow_unidentified()):
        return _no_picture(content)
    if isinstance(error, MemoryError):
        return "too little memory to decode it"
    return "cut short" if "truncat" in text else "damaged"


def _pillow_unidentified() -> type[Exception]:
    from PIL import UnidentifiedImageError

    return UnidentifiedImageError


def _no_picture(content: Path | bytes) -> str:
    """What a file is that no decoder knows."""
    if isinstance(content, bytes):
        head = content[:12]
    else:
        with content.open("rb") as file:
            head = file.read(12)
    if not head:
        return "empty"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "HEIC, which is not read; convert it to JPEG"
    return "no picture"


def _upright(image: Any) -> Any:
    """The first frame, decoded, and turned as its EXIF data say; broken data turn nothing."""
    image.load()
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - as above; the pixels are sound
        return image
    methods = _pillow().Transpose
    turned = {
        2: methods.FLIP_LEFT_RIGHT,
        3: methods.ROTATE_180,
        4: methods.FLIP_TOP_BOTTOM,
        5: methods.TRANSPOSE,
        6: methods.ROTATE_270,
        7: methods.TRANSVERSE,
        8: methods.ROTATE_90,
    }
    method = turned.get(orientation)
    return image if method is None else image.transpose(method)


def _plain(image: Any) -> Any:
    """In mode L or RGB."""
    if image.mode.startswith("I"):
        return _pillow().fromarray(_upper_bits(np.asarray(image)))
    if image.mode == "F":
        raise Unreadable("floating-point pixels")
    if image.mode in _CLEAR or "transparency" in image.info:
        ground = _pillow().new("RGBA", image.size, "white")
        ground.alpha_composite(image.convert("RGBA"))
        return ground.convert("RGB")
    return image.convert("L" if image.mode in _GREY else "RGB")


def _upper_bits(values: np.ndarray) -> np.ndarray:
    """Whole numbers as 8 bits: those of 16 bits keep the upper 8, smaller ones stay."""
    values = np.clip(values.astype(np.int64), 0, 65535)
    return (values >> 8 if values.max(initial=0) > 255 else values).astype(np.uint8)


def _fitted(image: Any, size: Size) -> np.ndarray:
    """Cut in the middle and resized; uint8 (H, W) or (H, W, 3)."""
    from PIL import ImageOps

    height, width = size
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), _pillow().Resampling.BILINEAR)
    return np.asarray(image)


def _collapsed(pixels: np.ndarray) -> np.ndarray:
    """Channels first; a single one where three are the same."""
    if pixels.ndim == 2:
        return pixels[None]
    if (pixels[..., :1] == pixels[..., 1:]).all():
        return np.ascontiguousarray(pixels[None, ..., 0])
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
