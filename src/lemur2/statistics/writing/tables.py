"""Tables as CSV files and one XLSX workbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lemur2.paths import inside
from lemur2.statistics.sections.base import Table

_SHEET = 31  # characters of a sheet's name, Excel's limit
_WIDEST = 48  # characters of a column


def write_csv(table: Table, folder: Path) -> None:
    """Write `<name>.csv`, UTF-8, missing values empty."""
    table.frame.to_csv(inside(folder, table.name, ".csv"), index=False, lineterminator="\n")


def write_workbook(tables: Sequence[Table], path: Path) -> None:
    """Write a workbook: a sheet of contents, then one per table."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    names = sheet_names([table.name for table in tables])
    contents = [(name, table.title, table.note) for name, table in zip(names, tables, strict=True)]
    _sheet(book, "contents", pd.DataFrame(contents, columns=["sheet", "title", "columns"]))
    for name, table in zip(names, tables, strict=True):
        _sheet(book, name, table.frame)
    book.save(path)


def sheet_names(names: Iterable[str]) -> list[str]:
    """Names within Excel's limit, each once."""
    made: list[str] = []
    for name in names:
        cut, number = name[:_SHEET], 2
        while cut in made:
            cut = f"{name[: _SHEET - 3]}~{number}"
            number += 1
        made.append(cut)
    return made


def _sheet(book: Any, name: str, frame: pd.DataFrame) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    columns = [_values(sheet, frame[column]) for column in frame]
    for place, column in enumerate(frame, start=1):
        longest = max((len(str(value)) for value in frame[column].head(200)), default=0)
        width = min(_WIDEST, max(len(str(column)), longest) + 2)
        sheet.column_dimensions[get_column_letter(place)].width = width
    heads = [WriteOnlyCell(sheet, value=str(column)) for column in frame]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in zip(*columns, strict=True):
        sheet.append(row)


def _values(sheet: Any, column: pd.Series) -> list[Any]:
    """A column as a sheet can hold it: text is never a formula, NaN and infinity are empty."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if column.dtype.kind == "f":
        finite = np.isfinite(column.to_numpy())
        return column.astype(object).where(finite, None).tolist()
    if column.dtype.kind in "iub":
        return column.tolist()

    def text(value: str) -> Any:
        kept = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
        if not kept.startswith("="):
            return kept
        cell = WriteOnlyCell(sheet, value=kept)
        cell.data_type = "s"
        return cell

    return [None if pd.isna(value) else text(str(value)) for value in column]
