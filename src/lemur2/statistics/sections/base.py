"""The contract of a report's section."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from lemur2.statistics.material import Material

_LONGEST = 150  # bytes of a label in a file's name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, drawn when it is written.

    Attributes:
        name: Of its files; unique in the report.
        title: What it shows; also the text for readers who do not see it.
        caption: How to read it.
        draw: Gives the figure.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        name: Of its file and sheet; unique in the report.
        title: What it holds.
        frame: Its rows; the index is not written.
        note: What the columns mean, units included.
        open: Shown on the page without a click.
        shown: Rows on the page; the files have all.
    """

    name: str
    title: str
    frame: pd.DataFrame
    note: str = ""
    open: bool = False
    shown: int = 40


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a section comes to. With neither pictures nor tables, `text` says why."""

    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()


class Section(ABC):
    """One section of the report.

    Another section is one file here with a subclass of this, listed in `SECTIONS`. It computes
    with the functions of `lemur2.statistics`, and hands over pictures and tables; it neither
    draws nor writes.
    """

    name: ClassVar[str]  # of its anchor
    title: ClassVar[str]
    paper: ClassVar[str] = ""  # what of the paper it answers to

    @abstractmethod
    def build(self, material: Material) -> Part:
        """The section over a corpus, which may be small, or lack what the section is about."""


def slug(text: str) -> str:
    """A benchmark's label as part of a file's name."""
    kept = "".join(char if char.isalnum() or char in "-_" else "-" for char in text.lower())
    short = kept.encode()[:_LONGEST].decode(errors="ignore")
    return "-".join(filter(None, short.split("-"))) or "unnamed"
