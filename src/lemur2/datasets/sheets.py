"""A sheet of pictures to look at: a row for each class, some of its training samples in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from lemur2.datasets.base import PreparedData
from lemur2.datasets.pictures import as_channels
from lemur2.errors import UsageError, UserError

_COLUMNS, _ROWS = 8, 30  # pictures of a class, classes
_CELL, _GAP, _MARGIN = 96, 4, 160  # pixels: of a picture, between them, for the names
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def check_sheet(path: Path) -> None:
    """Raise UserError where no sheet can be written there, before anything is read."""
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"a sheet is a picture: {path} must end in {', '.join(_SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"there is no folder {path.absolute().parent} to write {path.name} into")


def write_sheet(data: PreparedData, path: Path) -> None:
    """Write the sheet, whole or not at all.

    Raises:
        UserError: The samples are no pictures, or it cannot be written.
    """
    if len(data.spec.sample_shape) != 3:
        raise UserError(f"data set {data.spec.name!r} has no pictures to show on a sheet")
    scratch = path.with_name(f".{path.name}.unfinished{path.suffix}")
    try:
        _drawn(data).save(scratch)
        os.replace(scratch, path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written ({error.strerror or error})") from error


def _drawn(data: PreparedData) -> Any:
    from PIL import Image, ImageDraw

    classes = data.spec.classes[:_ROWS]
    targets = data.targets("train")
    step = _CELL + _GAP
    sheet = Image.new("RGB", (_MARGIN + _COLUMNS * step, len(classes) * step + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(classes):
        top = _GAP + row * step
        members = np.flatnonzero(targets == row)
        _write(draw, (8, top + _CELL // 2 - 12), f"{name[:22]}\n{len(members):,} to train on")
        for column, position in enumerate(_spread(members)):
            picture = Image.fromarray(_colours(data.inputs("train")[position]))
            picture.thumbnail((_CELL, _CELL))
            grown = _grown(picture)
            sheet.paste(grown, (_MARGIN + column * step, top))
    return sheet


def _spread(members: np.ndarray) -> np.ndarray:
    """Some of them, evenly far from each other."""
    count = min(_COLUMNS, len(members))
    return members[np.linspace(0, len(members) - 1, count).astype(np.int64)]


def _colours(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(as_channels(pixels, 3).transpose(1, 2, 0))


def _grown(picture: Any) -> Any:
    """A small picture by a whole factor, so that its pixels stay to be seen."""
    factor = _CELL // max(picture.size)
    return picture.resize((picture.width * factor, picture.height * factor), 0)


def _write(draw: Any, place: tuple[int, int], text: str) -> None:
    """Text in the font that Pillow brings; one that lacks a letter shows something in its place."""
    from PIL import ImageFont

    font = ImageFont.load_default(12)
    try:
        draw.multiline_text(place, text, fill="black", font=font)
    except UnicodeEncodeError:
        draw.multiline_text(place, text.encode("ascii", "replace").decode(), fill="black")
