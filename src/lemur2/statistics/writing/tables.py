"""Tables as CSV files and one XLSX workbook."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lemur2.statistics.sections.base import Table

_SHEET = 31  # characters of a sheet's name, Excel's limit
_WIDEST = 48  # characters of a column


def write_csv(table: Table, folder: Path) -> None:
    """Write `<name>.csv`, UTF-8, missing values empty."""
    table.frame.to_csv(folder / f"{table.name}.csv", index=False, lineterminator="\n")


def write_workbook(tables: Sequence[Table], path: Path) -> None:
    """Write a workbook: a sheet of contents, then one per table."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    names = sheet_names([table.name for table in tables])
    contents = [
        (sheet, table.title, table.note) for sheet, table in zip(names, tables, strict=True)
    ]
    _sheet(book, "contents", ("sheet", "title", "columns"), contents)
    for sheet, table in zip(names, tables, strict=True):
        rows = table.frame.itertuples(index=False, name=None)
        _sheet(book, sheet, list(table.frame.columns), list(rows))
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


def _sheet(book: Any, name: str, columns: Sequence[Any], rows: Sequence[Sequence[Any]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    for place, column in enumerate(columns):
        longest = max((len(str(row[place])) for row in rows[:200]), default=0)
        width = min(_WIDEST, max(len(str(column)), longest) + 2)
        sheet.column_dimensions[get_column_letter(place + 1)].width = width
    sheet.append([_cell(sheet, column, Font(bold=True)) for column in columns])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any, font: Any = None) -> Any:
    """A value that a sheet can hold: text is never a formula, NaN is empty."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, str):
        return value.item() if hasattr(value, "item") else value
    text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
    if font is None and not text.startswith("="):
        return text
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    if font is not None:
        cell.font = font
    return cell
