"""A picture as PNG and SVG."""

from __future__ import annotations

import io
from pathlib import Path

from lemur2.paths import inside
from lemur2.statistics.drawing.style import styled
from lemur2.statistics.sections.base import Picture


def write_picture(picture: Picture, folder: Path) -> bytes:
    """Write `<name>.png` and `<name>.svg`; gives the PNG."""
    with styled():
        figure = picture.draw()
        made = io.BytesIO()
        figure.savefig(made, format="png", metadata={"Title": picture.title, "Software": None})
        # As laid out for the PNG: to lay it out once more would take as long as drawing it.
        figure.set_layout_engine("none")
        figure.savefig(
            inside(folder, picture.name, ".svg"),
            format="svg",
            metadata={"Title": picture.title, "Date": None},
        )
    inside(folder, picture.name, ".png").write_bytes(made.getvalue())
    return made.getvalue()
