"""`lemur2 data`: query the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from lemur2.architecture import Verdict
from lemur2.cli.options import COUNT, Whole, db_option, json_option, refuse, wide_option
from lemur2.cli.output import emit_json, print_table, say
from lemur2.suggestions import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from lemur2.corpus import Corpus

_SHOWN = ("nn", "dataset", "metric", "transform", "epoch", "accuracy", "duration", "prm")
_NUMBERS = ("epoch", "accuracy", "duration")
_FIRST = ("nn", "accuracy", "dataset", "epoch", "metric")
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
@click.option(
    "--epoch", multiple=True, type=Whole(0, 2**31 - 1), help="Keep this epoch; may be repeated."
)
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
@click.option("-n", "--limit", type=COUNT, help="At most so many rows.")
@click.option("--code", is_flag=True, help="Add nn_code, the source text (with --json or --csv).")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a column for each hyperparameter.")
@wide_option
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
    """Query the corpus: a row per epoch of a trial; of failures, a row per attempt.

    With the verdict of a failure (`--verdict build`) the candidates that ended so are listed, those
    that were never trained as well: name, generator, verdict, reason, score, run.

    Which score is best is the metric's to say; one by a metric that is not installed here counts
    as better the higher it is.

    In Python the same is `lemur2.data(...)`, which gives a pandas DataFrame.

    \b
    lemur2 data --dataset mnist-5k --best --sort -n 10
    lemur2 data --prefix FractalNet --json | jq .accuracy
    lemur2 data --verdict build -n 20
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    filters["dataset"] = tuple(map(_recorded, filters["dataset"]))
    if verdict not in ("ok", "all"):
        refuse(_OF_TRIALS, f"has no meaning with --verdict {verdict}, which lists attempts")
        _list_attempts(db, Verdict(verdict), filters, limit, as_csv=as_csv, as_json=as_json)
        return
    for_people = not (as_csv or as_json)
    if for_people:
        refuse(("code",), "goes with --json or --csv; `lemur2 show NAME --code` prints one")
    from lemur2.corpus.query.table import DEFAULT_COLUMNS, best_first
    from lemur2.corpus.query.table import data as query

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
    _note(db, given, unique=unique)
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


# Options that are of trials and have no meaning for attempts.
_OF_TRIALS = (
    *("task", "transform", "epoch", "provenance", "no_flagged"),
    *("best", "unique", "sort", "code"),
)


def _list_attempts(
    db: str | None,
    verdict: Verdict,
    filters: dict[str, tuple[Any, ...]],
    limit: int | None,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    from lemur2.cli.attempts import csv_attempts, emit_attempts, print_attempts
    from lemur2.corpus import Corpus
    from lemur2.corpus.query.attempted import attempted

    rows = limit or (None if as_csv or as_json else _SCREENFUL)
    with Corpus.open(db, read_only=True) as corpus:
        found = attempted(
            corpus,
            verdicts=[verdict],
            names=filters["nn"] or None,
            prefixes=filters["nn_prefixes"] or None,
            datasets=filters["dataset"] or None,
            metrics=filters["metric"] or None,
            limit=None if rows is None else rows + 1,
        )
    shown = found[:rows]
    if as_json:
        emit_attempts(shown)
    elif as_csv:
        csv_attempts(shown)
    elif not shown:
        say(f"nothing ended in `{verdict}`")
    else:
        print_attempts(shown, ("name", "verdict", "reason", "run", "generator", "score"))
        if len(found) > len(shown):
            say(f"the first {len(shown)} rows; -n shows more, --csv and --json all")


def _recorded(dataset: str) -> str:
    """The name that a path of one's own data is recorded by."""
    if ":" not in dataset:
        return dataset
    from lemur2.datasets import recorded_name

    return recorded_name(dataset)


_KINDS = {
    "task": "task",
    "dataset": "data set",
    "metric": "metric",
    "nn": "network",
    "transform": "transform",
}


def _note(db: str | None, filters: dict[str, Any], *, unique: bool) -> None:
    """Say on stderr what makes a result smaller than it seems."""
    from lemur2.corpus import Corpus
    from lemur2.corpus.dedupe import marked
    from lemur2.corpus.importing import unfinished_imports

    with Corpus.open(db, read_only=True) as corpus:
        notes = [
            f"the import of {name} is not finished; `lemur2 import` goes on with it"
            for name in unfinished_imports(corpus)
        ]
        notes += _unknown(corpus, filters)
        if unique and not marked(corpus):
            notes.append("--unique left nothing out: `lemur2 dedupe --mark` has marked nothing yet")
    for message in notes:
        say(f"lemur2: note: {message}", err=True)


def _unknown(corpus: Corpus, filters: dict[str, Any]) -> list[str]:
    """What to say about filters that name nothing in the corpus, with the names that come close."""
    from lemur2.corpus.query.vocabulary import names, unknown

    notes = []
    for kind, label in _KINDS.items():
        for word in unknown(corpus, kind, filters[kind] or ()):
            known = names(corpus, kind)
            hint = did_you_mean(word, known, _offered(known))
            notes.append(f"the corpus has no {label} {word!r}; {hint}")
    for prefix in filters["nn_prefixes"] or ():
        if not any(name.startswith(prefix) for name in names(corpus, "nn")):
            notes.append(f"the corpus has no network whose name starts with {prefix!r}")
    return notes


def _offered(known: list[str]) -> str:
    """All names where they are few, else how to see them."""
    if not known:
        return "it has none"
    if len(known) <= 12:
        return f"it has {', '.join(known)}"
    return "`lemur2 data` shows what it has"


def _records(found: pd.DataFrame) -> list[dict[str, Any]]:
    seed = found["seed"].astype(object).where(found["seed"].notna(), None)
    records: list[dict[str, Any]] = found.assign(seed=seed).to_dict("records")  # type: ignore[assignment]
    return records


def _print_table(shown: pd.DataFrame, *, more: bool) -> None:
    if shown.empty:
        say("no trials match")
        return
    rows = shown[list(_SHOWN)].itertuples(index=False)
    print_table(_SHOWN, rows, right=_NUMBERS, first=_FIRST)
    if more:
        say(f"the first {len(shown)} rows; -n shows more, --csv and --json all")
