"""How attempts are listed, by `runs show` and `data --verdict`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lemur2.cli.output import cut, emit_json, print_table, width

if TYPE_CHECKING:
    from lemur2.corpus.query.attempted import Attempted

_FIELDS = (
    *("run", "index", "name", "generator", "verdict", "reason"),
    *("dataset", "metric", "score", "seconds"),
)
_NUMBERS = ("run", "index", "score", "seconds")


def emit_attempts(found: Sequence[Attempted]) -> None:
    """One JSON object for each."""
    for each in found:
        emit_json(_values(each))


def csv_attempts(found: Sequence[Attempted]) -> None:
    """A line for each, below a head."""
    writer = csv.DictWriter(sys.stdout, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in _values(each).items()} for each in found)


def _cell(value: Any) -> Any:
    """A text that starts like a formula is none in a spreadsheet after an apostrophe.

    A carriage return, which ends a row for some readers, is a space.
    """
    if not isinstance(value, str):
        return value
    shown = value.replace("\r", " ")
    return f"'{shown}" if value[:1] in tuple("=+-@\t\r") else shown


def _values(each: Attempted) -> dict[str, Any]:
    values = {name: getattr(each, name) for name in _FIELDS}
    return {**values, "seconds": round(each.seconds, 3)}


def print_attempts(found: Sequence[Attempted], columns: Sequence[str]) -> None:
    """A table of some fields, those first that matter most."""
    room = width()
    rows = [[_shown(each, name, room) for name in columns] for each in found]
    print_table(columns, rows, right=[name for name in columns if name in _NUMBERS], first=columns)


def _shown(each: Attempted, name: str, room: int | None) -> object:
    if name == "name":  # its start is enough to tell it, and the reason needs the rest
        return cut(each.name, room and room // 3)
    if name == "verdict":
        return each.verdict.value if each.verdict else "pending"
    if name == "seconds":
        return f"{each.seconds:.1f}"
    return getattr(each, name)
