"""`lemur2 report`: figures and tables over a corpus, in one page."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from lemur2.cli.options import db_option, json_option
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress
from lemur2.errors import UserError

_NEEDED = ("jinja2", "matplotlib", "openpyxl", "scipy")


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("report"),
    show_default=True,
    help="The folder to write to.",
)
@json_option
@db_option
def report(out: Path, as_json: bool, db: str | None) -> None:
    """Figures and tables over the corpus: report.html opens offline and holds them all.

    Also writes every figure as PNG and SVG, every table as CSV, and tables.xlsx with all of them.
    Files of an earlier report in the folder are replaced.

    \b
    lemur2 report
    lemur2 report --out figures-for-the-paper --db corpus.db
    """
    _check_extra()
    from lemur2.corpus import Corpus
    from lemur2.statistics import write_report
    from lemur2.statistics.sections import SECTIONS

    with Corpus.open(db, read_only=True) as corpus, Progress("reading the corpus") as progress:
        done = iter(range(len(SECTIONS) + 1))
        written = write_report(
            corpus,
            out,
            progress=lambda title: progress.show("section", next(done), len(SECTIONS), title),
        )
    if as_json:
        emit_json({**vars(written), "page": str(written.page)})
        return
    say(
        f"{written.page}: {written.pictures} figures, {written.tables} tables over "
        f"{written.networks:,} networks and {written.trials:,} trials"
    )


def _check_extra() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"the report needs {', '.join(missing)}: pip install 'lemur2[report]'")
