"""`lemur2 export`: a corpus in the forms that others read."""

from __future__ import annotations

from pathlib import Path

import click

from lemur2.cli.options import db_option, json_option
from lemur2.cli.output import emit_json
from lemur2.cli.progress import StatusLine

_FORMATS = ("parquet", "field", "huggingface")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    default="parquet",
    show_default=True,
    help="parquet: every table, one file each. field: nn/*.py and stat/**.json, as nn-dataset "
    "has them. huggingface: flat tables and a card.",
)
@json_option
@db_option
def export(folder: Path, kind: str, as_json: bool, db: str | None) -> None:
    """Write the corpus to FOLDER, which is new or empty.

    `lemur2 import FOLDER` reads the formats parquet and field.

    \b
    lemur2 export corpus-parquet
    lemur2 export corpus-field --format field --db corpus.db
    """
    from lemur2.corpus import Corpus, exporting

    write = {
        "parquet": exporting.export_parquet,
        "field": exporting.export_field,
        "huggingface": exporting.export_huggingface,
    }[kind]
    status = StatusLine()

    def show(what: str, done: int, total: int) -> None:
        status.show(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

    with Corpus.open(db, read_only=True) as corpus:
        try:
            counts = write(corpus, folder, show)
        finally:
            status.clear()
    if as_json:
        emit_json(counts)
        return
    for what, count in counts.items():
        click.echo(f"{count:>11,}  {what}")
