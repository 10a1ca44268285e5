"""A report: every section built, drawn and written to a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lemur2 import __version__
from lemur2.corpus import Corpus
from lemur2.errors import UserError, no_room
from lemur2.statistics.material import Material, load
from lemur2.statistics.sections import SECTIONS, Part, Section, Table
from lemur2.statistics.writing.page import Chapter, render
from lemur2.statistics.writing.pictures import write_picture
from lemur2.statistics.writing.tables import write_csv, write_workbook


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a report came to.

    Attributes:
        page: The HTML file.
        pictures, tables: How many.
        trials, networks: That were read.
    """

    page: Path
    pictures: int
    tables: int
    trials: int
    networks: int


def write_report(
    corpus: Corpus,
    out: Path,
    *,
    sections: Sequence[type[Section]] = SECTIONS,
    progress: Callable[[str], None] = lambda title: None,
) -> Written:
    """Write a report over a corpus.

    Args:
        corpus: Open; it is only read.
        out: A folder, made where it is not there. It gets report.html (self-contained),
            figures/<name>.png and .svg, tables/<name>.csv, and tables.xlsx; files of these
            names are replaced, the page last, others are left alone.
        sections: Which, in this order.
        progress: Told the title of each section as it begins.

    Raises:
        UserError: The corpus has no trial that ended well, or the folder cannot be written.
    """
    material = load(corpus)
    if material.trials.empty:
        raise UserError(
            f"{material.place} has no finished trials to report on; "
            "`lemur2 grow`, `train` or `import` give it some"
        )
    try:
        (out / "figures").mkdir(parents=True, exist_ok=True)
        (out / "tables").mkdir(exist_ok=True)
        chapters: list[Chapter] = []
        taken: set[tuple[str, str]] = set()  # folder and name of files
        for section in sections:
            progress(section.title)
            chapters.append(_chapter(section(), material, out, taken))
        progress("Writing the tables and the page")
        tables = [table for chapter in chapters for table in chapter.part.tables]
        _write_tables(tables, out)
        page = out / "report.html"
        made = time.strftime("%Y-%m-%d %H:%M %Z")
        text = render(chapters, place=material.place, made=made, version=__version__)
        page.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")
    except OSError as error:
        raise UserError(
            f"the report cannot be written to {out}: {no_room(error) or error.strerror or error}"
        ) from error
    return Written(
        page=page,
        pictures=sum(len(chapter.images) for chapter in chapters),
        tables=len(tables),
        trials=len(material.trials),
        networks=len(material.networks),
    )


def _chapter(
    section: Section, material: Material, out: Path, taken: set[tuple[str, str]]
) -> Chapter:
    part = _renamed(section.build(material), taken)
    images = {picture.name: write_picture(picture, out / "figures") for picture in part.pictures}
    return Chapter(section=section, part=part, images=images)


def _renamed(part: Part, taken: set[tuple[str, str]]) -> Part:
    """The part with names of files that no earlier one has: two data sets may share a slug."""
    pictures = [replace(item, name=_free("figures", item.name, taken)) for item in part.pictures]
    tables = [replace(item, name=_free("tables", item.name, taken)) for item in part.tables]
    return replace(part, pictures=tuple(pictures), tables=tuple(tables))


def _free(folder: str, name: str, taken: set[tuple[str, str]]) -> str:
    free, number = name, 2
    while (folder, free) in taken:
        free, number = f"{name}-{number}", number + 1
    taken.add((folder, free))
    return free


def _write_tables(tables: Sequence[Table], out: Path) -> None:
    for table in tables:
        write_csv(table, out / "tables")
    write_workbook(tables, out / "tables.xlsx")
