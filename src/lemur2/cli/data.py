"""`lemur2 data`: query the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from lemur2.architecture import Verdict
from lemur2.cli.options import db_option, json_option
from lemur2.cli.output import console, emit_json, table

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = ("nn", "dataset", "metric", "transform", "epoch", "accuracy", "duration", "prm")
_NUMBERS = ("epoch", "accuracy", "duration")
_SCREENFUL = 40  # rows of the table where no limit is given


@click.command()
@click.option("--task", multiple=True, help="Keep this task; may be repeated.")
@click.option("--dataset", multiple=True, help="Keep this data set; may be repeated.")
@click.option("--metric", multiple=True, help="Keep this metric; may be repeated.")
@click.option("--nn", multiple=True, help="Keep this network; may be repeated.")
@click.option(
    "--prefix", "nn_prefixes", multiple=True, help="Keep networks whose name starts so; repeatable."
)
@click.option("--transform", multiple=True, help="Keep this transform; may be repeated.")
@click.option("--epoch", multiple=True, type=int, help="Keep this epoch; may be repeated.")
@click.option(
    "--verdict",
    type=click.Choice([*(verdict.value for verdict in Verdict), "all"]),
    metavar="VERDICT",
    default="ok",
    show_default=True,
    help="Keep trials that ended so; `all` keeps failed ones, too.",
)
@click.option(
    "--provenance",
    type=click.Choice(["own", "imported"]),
    help="Keep what this corpus trained itself, or what was imported.",
)
@click.option(
    "--no-flagged",
    is_flag=True,
    help="Leave out scores that are to be taken with care (imported mAP of detection).",
)
@click.option(
    "--best",
    is_flag=True,
    help="The best row of each network, data set, metric and task: the highest accuracy (the "
    "lowest score where the metric is one to be low), then the earliest epoch, then the trial "
    "stored first.",
)
@click.option(
    "--unique", is_flag=True, help="Leave out networks that `lemur2 dedupe --mark` marked."
)
@click.option("--sort", is_flag=True, help="The best score first, instead of by name.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many rows.")
@click.option("--code", is_flag=True, help="Add nn_code, the source text (with --json or --csv).")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a column for each hyperparameter.")
@json_option
@db_option
def data(
    verdict: str,
    provenance: Literal["own", "imported"] | None,
    no_flagged: bool,
    best: bool,
    unique: bool,
    sort: bool,
    limit: int | None,
    code: bool,
    as_csv: bool,
    as_json: bool,
    db: str | None,
    **filters: tuple[Any, ...],
) -> None:
    """Query the corpus: a row per epoch of a trial.

    Which score is best is the metric's to say; one by a metric that is not installed here counts
    as better the higher it is.

    In Python the same is `lemur2.data(...)`, which gives a pandas DataFrame.

    \b
    lemur2 data --dataset mnist-5k --best --sort -n 10
    lemur2 data --prefix FractalNet --json | jq .accuracy
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    from lemur2.corpus.query import DEFAULT_COLUMNS, best_first
    from lemur2.corpus.query import data as query

    for_people = not (as_csv or as_json)
    rows = limit or (_SCREENFUL if for_people else None)
    given: dict[str, Any] = {name: values or None for name, values in filters.items()}
    found = query(
        db=db,
        **given,
        verdict=None if verdict == "all" else verdict,
        provenance=provenance,
        flagged=False if no_flagged else None,
        only_best_accuracy=best,
        unique=unique,
        max_rows=None if sort or rows is None else rows + 1,
        columns=(*DEFAULT_COLUMNS, "nn_code") if code else None,
        hyperparameters="columns" if as_csv else "dict",
    )
    _warn_of_unfinished_imports(db)
    if sort:
        found = best_first(found)
    shown = found if rows is None else found.head(rows)
    if as_json:
        for row in _records(shown):
            emit_json(row)
    elif as_csv:
        click.echo(shown.to_csv(index=False), nl=False)
    else:
        _print_table(shown, more=len(found) > len(shown))


def _warn_of_unfinished_imports(db: str | None) -> None:
    from lemur2.corpus import Corpus
    from lemur2.corpus.importing import unfinished_imports

    with Corpus.open(db, read_only=True) as corpus:
        for name in unfinished_imports(corpus):
            message = f"the import of {name} is not finished; `lemur2 import` goes on with it"
            click.echo(f"lemur2: note: {message}", err=True)


def _records(found: pd.DataFrame) -> list[dict[str, Any]]:
    seed = found["seed"].astype(object).where(found["seed"].notna(), None)
    records: list[dict[str, Any]] = found.assign(seed=seed).to_dict("records")  # type: ignore[assignment]
    return records


def _print_table(shown: pd.DataFrame, *, more: bool) -> None:
    out = console()
    if shown.empty:
        out.print("no trials match")
        return
    rows = shown[list(_SHOWN)].itertuples(index=False)
    out.print(table(_SHOWN, rows, right=_NUMBERS))
    if more:
        out.print(f"the first {len(shown)} rows; -n shows more, --csv and --json all")
