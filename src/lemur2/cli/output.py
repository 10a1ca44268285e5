"""What commands print: JSON lines for scripts, tables and sentences for people.

What people are shown fits the width: that of COLUMNS where it is set, else the terminal's. Where
the output is no terminal (a pipe, a file), or with `--wide`, nothing is cut, folded or hidden.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from lemur2.cli.options import WIDE
from lemur2.cli.text import printable

_GAP = "  "  # between columns
_LEAST = 10  # cells of text that are cut keep so many columns of the screen
_FIRST = 0.55  # the most important column's share of the width, where it takes that much


def emit_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object on a line; NaN and infinity, which JSON lacks, are null."""
    click.echo(json.dumps(_strict(values), allow_nan=False))


def emit_text(text: str) -> None:
    """Print a stored text: to the byte into a file or a pipe, and printable on a terminal."""
    data = text.encode("utf-8", "surrogatepass")
    shown = printable(text.replace("\r\n", "\n"))
    click.echo(shown if sys.stdout.isatty() else data, nl=False)


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value


def width(stream: Any = None) -> int | None:
    """Columns that a line may take on a stream (stdout); None where there is no limit."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(WIDE):
        return None
    given = os.environ.get("COLUMNS", "")
    if not given.isdecimal() and not (stream or sys.stdout).isatty():
        return None
    return max(shutil.get_terminal_size().columns, 20)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Iterable[Any]],
    *,
    right: Iterable[str] = (),
    first: Sequence[str] = (),
) -> None:
    """Print a table that fits the width.

    Where it does not fit, cells of text are cut with an ellipsis, and then columns are left out,
    which a line below the table says.

    Args:
        columns: Their headings.
        rows: A value for each column; None and NaN are shown as a dash.
        right: Columns of numbers: set to the right, never cut.
        first: The columns that matter most, the most important first; then the others, as listed.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    made = [
        _Column(name, [row[index] for row in cells], name in right)
        for index, name in enumerate(columns)
    ]
    ranked = sorted(made, key=lambda each: _rank(each.name, first))
    widths = _layout(ranked, width())
    shown = [each for each in made if each.name in widths]
    click.echo(click.style(_joined(shown, widths, [each.name for each in shown]), bold=True))
    for index in range(len(cells)):
        click.echo(_joined(shown, widths, [each.cells[index] for each in shown]))
    hidden = [each.name for each in made if each.name not in widths]
    if hidden:
        what = "1 column" if len(hidden) == 1 else f"{len(hidden)} columns"
        say(f"{what} hidden ({', '.join(hidden)}); --wide or --json shows all")


@dataclass(frozen=True)
class _Column:
    name: str
    cells: Sequence[str]
    right: bool

    @property
    def natural(self) -> int:
        """The width that it takes uncut."""
        return max(map(cell_len, (self.name, *self.cells)))


def _rank(name: str, first: Sequence[str]) -> int:
    return first.index(name) if name in first else len(first)


def _layout(ranked: Sequence[_Column], room: int | None) -> dict[str, int]:
    """Widths by name of the columns that fit, which are given the most important first."""
    if room is None:
        return {each.name: each.natural for each in ranked}
    least = [each.natural if each.right else min(each.natural, _LEAST) for each in ranked]
    least[0] = min(ranked[0].natural, max(_LEAST, int(_FIRST * room)))
    count = len(ranked)
    while count > 1 and sum(least[:count]) + len(_GAP) * (count - 1) > room:
        count -= 1
    spare = room - sum(least[:count]) - len(_GAP) * (count - 1)
    widths = {}
    for each, narrowest in zip(ranked[:count], least, strict=False):
        more = max(0, min(each.natural - narrowest, spare))
        widths[each.name], spare = narrowest + more, spare - more
    return widths


def _joined(columns: Sequence[_Column], widths: Mapping[str, int], cells: Sequence[str]) -> str:
    fitted = (
        _fitted(cell, widths[column.name], column.right)
        for column, cell in zip(columns, cells, strict=True)
    )
    return _GAP.join(fitted).rstrip()


def _fitted(text: str, size: int, right: bool) -> str:
    text = cut(text, size)
    return " " * (size - cell_len(text)) + text if right else set_cell_size(text, size)


def cut(text: str, size: int | None) -> str:
    """Text of at most so many columns; what is longer ends in an ellipsis."""
    if size is None or cell_len(text) <= size:
        return text
    return set_cell_size(text, size - 1) + "…"


def say(text: str, *, indent: str = "", err: bool = False) -> None:
    """Print a sentence, folded between words where it is longer than the width.

    Args:
        text: What to say; lines of it stay lines.
        indent: Before every line but the first.
        err: To stderr.
    """
    size = width(sys.stderr if err else None)
    for line in printable(text).split("\n"):
        click.echo("\n".join(_folded(line, size, indent)), err=err)


def _folded(line: str, size: int | None, indent: str) -> list[str]:
    if size is None or cell_len(line) <= size:
        return [line]
    return textwrap.wrap(
        line,
        size,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def print_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Print values with their labels, a line each; long ones go on below themselves."""
    shown = [(label, _cell(value)) for label, value in fields]
    margin = max((len(label) for label, _ in shown), default=0) + len(_GAP)
    size = width()
    for label, value in shown:
        room = len(value) + 1 if size is None else max(size - margin, _LEAST)
        first, *rest = textwrap.wrap(value, room, break_on_hyphens=False) or [""]
        click.echo(f"{label:<{margin}}{first}".rstrip())
        for line in rest:
            click.echo(f"{'':<{margin}}{line}")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_cell(item)}" for key, item in value.items())
    return printable(str(value)).replace("\n", " ").replace("\t", " ")


def when(seconds: float) -> str:
    """A moment in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
