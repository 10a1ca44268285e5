"""The corpus as a table: one row per epoch of a trial, as a DataFrame, Arrow table or stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import pandas as pd
from sqlalchemy.engine import Connection

from lemur2.corpus.db.collector import paused_collector
from lemur2.corpus.query.best import best_rows
from lemur2.corpus.query.conditions import Conditions, Filters, Names
from lemur2.corpus.query.frame import Hyperparameters, frame
from lemur2.corpus.query.scan import Rows, Trials, read_rows, read_trials, stream_rows
from lemur2.corpus.rows.entries import Standing
from lemur2.corpus.store import Corpus
from lemur2.errors import UsageError
from lemur2.metrics import signs
from lemur2.suggestions import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

Place = Corpus | str | Path | None

# Every column that a result can have.
COLUMNS = (
    "task",
    "dataset",
    "metric",
    "nn",
    "family",
    "nn_code",
    "transform",
    "transform_code",
    "epoch",
    "accuracy",
    "loss",
    "duration",
    "memory",
    "prm",
    "seed",
    "verdict",
    "test_score",
    "provenance",
    "flagged",
    "trial",
)
DEFAULT_COLUMNS = tuple(
    name for name in COLUMNS if name not in ("nn_code", "transform_code", "loss", "memory")
)
GROUPS = ("task", "dataset", "metric", "nn", "family", "transform", "epoch", "seed")
BEST_PER = ("nn", "dataset", "metric", "task")


def data(
    *,
    db: Place = None,
    task: Names = None,
    dataset: Names = None,
    metric: Names = None,
    nn: Names = None,
    nn_prefixes: Names = None,
    transform: Names = None,
    epoch: int | Iterable[int] | None = None,
    verdict: Names = "ok",
    provenance: Literal["own", "imported"] | None = None,
    flagged: bool | None = None,
    unique: bool = False,
    only_best_accuracy: bool = False,
    group_by: Sequence[str] = BEST_PER,
    max_rows: int | None = None,
    columns: Sequence[str] | None = None,
    hyperparameters: Hyperparameters = "dict",
) -> pd.DataFrame:
    """Query the corpus: a row per epoch of a trial.

    Args:
        db: An open corpus, a file, or an SQLAlchemy URL; None takes `$LEMUR2_DB`, else
            `lemur2.db`. Opened for reading only.
        task, dataset, metric, nn, transform: Keep these names, one or several.
        nn_prefixes: Keep networks whose name starts with one of these (case matters).
        epoch: Keep this epoch, or these (1-based; some imported trainings have an epoch 0).
        verdict: Keep trials that ended so; None keeps all that have ended. Only `ok` by default:
            a failed trial's scores are no results.
        provenance: Keep trials of this corpus's own (`own`), or those that were imported.
        flagged: False leaves out trials whose scores are to be taken with care (imported mAP of
            detection, which its corpus got wrong); True keeps only these.
        unique: Leave out networks that `lemur2 dedupe --mark` marked as redundant.
        only_best_accuracy: Keep one row per group: the best score, which is the highest, or the
            lowest where the metric says that lower is better (a metric that is not installed here
            counts as higher is better); among equals the earliest epoch, then the trial stored
            first. A row without a score is never the best.
        group_by: The columns (of `GROUPS`) that make a group.
        max_rows: Keep the first so many.
        columns: Which of `COLUMNS`, in this order; by default all but `nn_code`,
            `transform_code`, `loss` and `memory`.
        hyperparameters: `prm` as one dict per row, or a column `prm_<name>` for each
            hyperparameter that occurs (missing ones are NaN).

    Returns:
        A new frame, sorted by nn, task, dataset, metric, trial, epoch, with the columns

        - task, dataset, metric, nn (the architecture's name), family, transform: names;
        - nn_code, transform_code: source text, shared between rows;
        - epoch, accuracy (the metric's score on the validation part), loss;
        - duration (seconds of this epoch), memory (peak bytes so far);
        - prm, seed (missing where unknown), verdict, test_score (of the trial), trial (its id);
        - provenance (`own` or `imported`), flagged (why it is, None where it is not).

    Raises:
        UsageError: An unknown column.
        UserError: There is no such corpus, or it cannot be read.
    """
    wanted = _checked(columns, COLUMNS, "column", DEFAULT_COLUMNS)
    grouping = _checked(group_by, GROUPS, "group", BEST_PER) if only_best_accuracy else None
    conditions = Conditions(
        task=task,
        dataset=dataset,
        metric=metric,
        nn=nn,
        nn_prefixes=nn_prefixes,
        transform=transform,
        epoch=epoch,
        verdict=verdict,
        provenance=provenance,
        flagged=flagged,
        unique=unique,
    )
    with paused_collector(), _reading(db) as connection:
        rows = _rows(connection, conditions, wanted, grouping, max_rows)
        return frame(rows, wanted, hyperparameters)


def arrow(
    *,
    db: Place = None,
    only_best_accuracy: bool = False,
    group_by: Sequence[str] = BEST_PER,
    columns: Sequence[str] | None = None,
    hyperparameters: Hyperparameters = "columns",
    **filters: Unpack[Filters],
) -> pa.Table:
    """What `data` gives, as an Arrow table: for polars, DuckDB, Parquet or another process.

    Names are dictionary-encoded. `prm` is a column for each hyperparameter, or with
    `hyperparameters="dict"` one column of JSON text. A missing value is null.

    Raises:
        UsageError: An unknown column.
        UserError: There is no such corpus, or pyarrow is not installed.
    """
    from lemur2.corpus.query.arrow_table import table

    wanted = _checked(columns, COLUMNS, "column", DEFAULT_COLUMNS)
    grouping = _checked(group_by, GROUPS, "group", BEST_PER) if only_best_accuracy else None
    with paused_collector(), _reading(db) as connection:
        rows = _rows(connection, Conditions(**filters), wanted, grouping, None)
        return table(rows, wanted, hyperparameters)


def batches(
    *,
    db: Place = None,
    rows: int = 65_536,
    columns: Sequence[str] | None = None,
    hyperparameters: Hyperparameters = "dict",
    **filters: Unpack[Filters],
) -> Iterator[pd.DataFrame]:
    """What `data` gives, in frames of `rows` rows each, the last one shorter.

    All of them show one state of the corpus. What is held in memory besides a frame is four
    numbers of each trial. Where nothing matches there is one empty frame.

    Raises:
        UsageError: An unknown column.
        UserError: There is no such corpus, or it cannot be read.
    """
    wanted = _checked(columns, COLUMNS, "column", DEFAULT_COLUMNS)
    if rows < 1:
        raise UsageError(f"a batch has at least one row, not {rows}")
    with _reading(db) as connection:
        conditions = Conditions(**filters)
        found = read_trials(connection, conditions)
        for part in _parts(connection, found, conditions, wanted, rows):
            yield frame(part.with_trials_of_rows(), wanted, hyperparameters)


@contextmanager
def _reading(db: Place) -> Iterator[Connection]:
    if isinstance(db, Corpus):
        with db.database.read() as connection:
            yield connection
        return
    with Corpus.open(db, read_only=True) as opened, opened.database.read() as connection:
        yield connection


def _checked(
    given: Sequence[str] | None, allowed: Sequence[str], what: str, default: Sequence[str]
) -> tuple[str, ...]:
    if given is None:
        return tuple(default)
    names = (given,) if isinstance(given, str) else tuple(given)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        hint = did_you_mean(unknown[0], allowed, f"there are {', '.join(allowed)}")
        raise UsageError(f"unknown {what} {unknown[0]!r}; {hint}")
    return names


def _rows(
    connection: Connection,
    conditions: Conditions,
    wanted: Sequence[str],
    grouping: Sequence[str] | None,
    max_rows: int | None,
) -> Rows:
    found = read_trials(connection, conditions)
    if grouping is None and max_rows is not None:
        first = next(_parts(connection, found, conditions, wanted, max(max_rows, 1)))
        return first.take(slice(max_rows)).with_trials_of_rows()
    rows = read_rows(connection, found, conditions, wanted)
    if grouping is not None:
        rows = best_rows(rows, grouping)
    return (rows if max_rows is None else rows.take(slice(max_rows))).with_trials_of_rows()


def _parts(
    connection: Connection,
    found: Trials,
    conditions: Conditions,
    wanted: Sequence[str],
    count: int,
) -> Iterator[Rows]:
    """All rows, so many at a time; one part without any where there are none."""
    held: list[Rows] = []
    empty = True
    for rows in stream_rows(connection, found, conditions, wanted):
        held.append(rows)
        while sum(map(len, held)) >= count:
            joined = Rows.joined(held)
            yield joined.take(slice(count))
            empty, held = False, [joined.take(slice(count, None))]
    left = Rows.joined(held)
    if empty or len(left):
        yield left


def best_first(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of `data` by their score, the best first; equals keep their order.

    Where several metrics are among them, those where lower is better come after the others; rows
    without a score come last.
    """
    gains = found["accuracy"] * signs(found["metric"])
    return found.loc[gains.sort_values(ascending=False, kind="stable").index]


def leaderboard(
    corpus: Corpus, dataset: str, limit: int = 10, metric: str | None = None
) -> list[Standing]:
    """The best networks on a data set, each by its best epoch in a trial that ended well.

    Equal scores are ordered by fewer epochs, then by name.

    Args:
        corpus: The corpus.
        dataset: Name of the data set; an empty list where nothing was trained on it.
        limit: At most so many places.
        metric: What to rank by; needed only where the corpus has several for this data set.

    Raises:
        UsageError: There are several metrics and none was chosen.
    """
    found = data(
        db=corpus,
        dataset=dataset,
        metric=metric,
        flagged=False,
        only_best_accuracy=True,
        columns=("nn", "family", "metric", "accuracy", "epoch", "transform", "prm", "test_score"),
    )
    metrics = sorted(set(found["metric"]))
    if len(metrics) > 1:
        raise UsageError(f"{dataset} is scored by {' and '.join(metrics)}; choose one as metric")
    # Not by trial: which of two equals was stored first depends on the machine.
    found = best_first(found.sort_values(["epoch", "nn"]))
    rows: list[Any] = found.head(limit).to_dict("records")
    for rank, row in enumerate(rows, start=1):
        row["rank"] = rank
        row["test_score"] = None if pd.isna(row["test_score"]) else row["test_score"]
    return [Standing(**row) for row in rows]
