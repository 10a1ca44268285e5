"""The page: one HTML file that needs nothing beside it, no server and no network."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lemur2.statistics.sections.base import Part, Section, Table


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A section that was built, with its pictures' PNGs by name."""

    section: Section
    part: Part
    images: dict[str, bytes]


def render(chapters: Sequence[Chapter], *, place: str, made: str, version: str) -> str:
    """The page's text.

    Args:
        chapters: In order.
        place: The corpus.
        made: When, for readers.
        version: Of lemur2.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lemur2.statistics.writing", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    return template.render(
        chapters=chapters,
        place=place,
        made=made,
        version=version,
        encoded=lambda data: base64.b64encode(data).decode("ascii"),
        cells=_cells,
        numeric=_numeric,
    )


def _cells(table: Table) -> list[list[str]]:
    rows = table.frame.head(table.shown).itertuples(index=False, name=None)
    return [[_text(value) for value in row] for row in rows]


def _numeric(table: Table) -> list[bool]:
    return [dtype.kind in "iuf" for dtype in table.frame.dtypes]


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "\N{EN DASH}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
