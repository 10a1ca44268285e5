"""`lemur2 export`: a corpus in the forms that others read."""

from __future__ import annotations

from pathlib import Path

import click

from lemur2.cli.options import db_option, json_option, wide_option
from lemur2.cli.output import emit_json, print_table
from lemur2.cli.progress import Progress

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
@wide_option
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
    with Corpus.open(db, read_only=True) as corpus, Progress("reading the corpus") as progress:
        counts = write(corpus, folder, progress.show)
    if as_json:
        emit_json(counts)
        return
    rows = [(what, f"{count:,}") for what, count in counts.items()]
    print_table(("written", "rows"), rows, right=("rows",))
