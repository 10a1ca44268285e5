"""Tables as CSV files and one XLSX workbook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lemur2.paths import inside
from lemur2.statistics.sections.base import Table

_SHEET = 31  # characters of a sheet's name, Excel's limit
_WIDEST = 48  # characters of a column
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def write_csv(table: Table, folder: Path) -> None:
    """Write `<name>.csv`, UTF-8, missing values empty; no text is a formula."""
    path = inside(folder, table.name, ".csv")
    without_formulas(table.frame).to_csv(
        path, index=False, lineterminator="\n", errors="backslashreplace"
    )


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before each text that a spreadsheet would compute.

    Names come from generators and imported corpora, and a cell may call programs. Numbers are left
    alone, negative ones too, and so are texts that are numbers.
    """
    made = frame.rename(columns=_harmless)
    for place, kind in enumerate(made.dtypes):
        if kind.kind not in "iufb":
            texts = [_harmless(value) for value in made.iloc[:, place]]
            made.isetitem(place, pd.Series(texts, made.index, object))  # type: ignore[arg-type]
    return made


def _harmless(value: Any) -> Any:
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    kept = value.replace("\r", "\n")  # which is quoted, and ends no row
    return f"'{kept}" if value.startswith(_FORMULA) else kept


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
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"
    columns = [_values(sheet, frame[column]) for column in frame]
    for place, column in enumerate(frame, start=1):
        longest = max((len(str(value)) for value in frame[column].head(200)), default=0)
        width = min(_WIDEST, max(len(str(column)), longest) + 2)
        sheet.column_dimensions[get_column_letter(place)].width = width
    heads = [_text_cell(sheet, str(column)) for column in frame]
    for head in heads:
        head.font = Font(bold=True)
    sheet.append(heads)
    for row in zip(*columns, strict=True):
        sheet.append(row)


def _values(sheet: Any, column: pd.Series) -> list[Any]:
    """A column as a sheet can hold it: text is never a formula, NaN and infinity are empty."""
    if column.dtype.kind == "f":
        finite = np.isfinite(column.to_numpy())
        return column.astype(object).where(finite, None).tolist()
    if column.dtype.kind in "iub":
        return column.tolist()
    return [None if pd.isna(value) else _text_cell(sheet, str(value)) for value in column]


def _text_cell(sheet: Any, value: str) -> Any:
    """A cell that holds a text, whatever it looks like."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    plain = value.encode("utf-8", "replace").decode()
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", plain))
    cell.data_type = "s"
    return cell
