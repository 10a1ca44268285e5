"""What commands print: JSON lines for scripts, tables for people."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lemur2.cli.text import printable

_PIPED_WIDTH = 200  # columns where the output is no terminal, so that nothing is cut short


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


def console() -> Console:
    """Where tables go: stdout, wide enough when it is not a terminal."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return _Printable(width=width, highlight=False, markup=False, emoji=False)


class _Printable(Console):
    """Shows every text printable, those in cells of tables too."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it is shown."""
        return super().render_str(printable(text), **options)


def table(
    columns: Iterable[str], rows: Iterable[Iterable[Any]], right: Iterable[str] = ()
) -> Table:
    """A plain table; the columns in `right` hold numbers."""
    right = set(right)
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="fold" if name == "nn" else "ellipsis",
        )
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return printable(" ".join(f"{key}={_cell(item)}" for key, item in value.items()))
    return printable(str(value))


def when(seconds: float) -> str:
    """A moment in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
