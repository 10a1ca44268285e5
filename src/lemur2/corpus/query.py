"""The corpus as a table: one row per epoch of a trial, in a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.entries import Standing
from lemur2.corpus.frame import COLUMNS, READ, fetch, frame
from lemur2.corpus.schema import (
    architectures,
    benchmarks,
    epochs,
    redundant,
    transforms,
    trials,
)
from lemur2.corpus.store import Corpus
from lemur2.errors import UsageError

Names = str | Iterable[str] | None

DEFAULT_COLUMNS = tuple(
    name for name in COLUMNS if name not in ("nn_code", "transform_code", "loss", "memory")
)
GROUPS = ("task", "dataset", "metric", "nn", "family", "transform", "epoch", "seed")
BEST_PER = ("nn", "dataset", "metric", "task")


def data(
    *,
    db: Corpus | str | Path | None = None,
    task: Names = None,
    dataset: Names = None,
    metric: Names = None,
    nn: Names = None,
    nn_prefixes: Names = None,
    transform: Names = None,
    epoch: int | Iterable[int] | None = None,
    verdict: Names = "ok",
    unique: bool = False,
    only_best_accuracy: bool = False,
    group_by: Sequence[str] = BEST_PER,
    max_rows: int | None = None,
    columns: Sequence[str] | None = None,
    hyperparameters: Literal["dict", "columns"] = "dict",
) -> pd.DataFrame:
    """Query the corpus: a row per epoch of a trial.

    Args:
        db: An open corpus, a file, or an SQLAlchemy URL; None takes `$LEMUR2_DB`, else
            `lemur2.db`. Opened for reading only.
        task, dataset, metric, nn, transform: Keep these names, one or several.
        nn_prefixes: Keep networks whose name starts with one of these (case matters).
        epoch: Keep this epoch, or these (1-based).
        verdict: Keep trials that ended so; None keeps all that have ended. Only `ok` by default:
            a failed trial's scores are no results.
        unique: Leave out networks that `lemur2 dedupe --mark` marked as redundant.
        only_best_accuracy: Keep one row per group: the highest accuracy; among equals the
            earliest epoch, then the trial stored first. A row without a score is never the best.
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
        - epoch (1-based), accuracy (the metric's score on the validation part), loss;
        - duration (seconds of this epoch), memory (peak bytes so far);
        - prm, seed (missing where unknown), verdict, test_score (of the trial), trial (its id).

    Raises:
        UsageError: An unknown column.
        UserError: There is no such corpus, or it cannot be read.
    """
    wanted = _checked(columns, COLUMNS, "column", DEFAULT_COLUMNS)
    grouping = _checked(group_by, GROUPS, "group", BEST_PER)
    where = _conditions(task, dataset, metric, nn, nn_prefixes, transform, epoch, verdict)
    if unique:
        where.append(trials.c.architecture_id.not_in(sa.select(redundant.c.architecture_id)))
    opened = db if isinstance(db, Corpus) else Corpus.open(db, read_only=True)
    with (
        nullcontext() if isinstance(db, Corpus) else opened,
        opened.database.read() as connection,
    ):
        query = _query(connection, where, grouping if only_best_accuracy else None, max_rows)
        return frame(connection, fetch(connection, query), wanted, hyperparameters)


def _checked(
    given: Sequence[str] | None, allowed: Sequence[str], what: str, default: Sequence[str]
) -> tuple[str, ...]:
    if given is None:
        return tuple(default)
    names = (given,) if isinstance(given, str) else tuple(given)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise UsageError(f"unknown {what} {unknown[0]!r}; there are {', '.join(allowed)}")
    return names


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | int) else list(value)


def _conditions(
    task: Names,
    dataset: Names,
    metric: Names,
    nn: Names,
    nn_prefixes: Names,
    transform: Names,
    epoch: int | Iterable[int] | None,
    verdict: Names,
) -> list[sa.ColumnElement[bool]]:
    named = (
        (benchmarks.c.task, task),
        (benchmarks.c.dataset, dataset),
        (benchmarks.c.metric, metric),
        (architectures.c.name, nn),
        (transforms.c.name, transform),
        (epochs.c.epoch, epoch),
        (trials.c.verdict, verdict),
    )
    where: list[sa.ColumnElement[bool]] = [
        column.in_(_listed(value)) for column, value in named if value is not None
    ]
    if verdict is None:
        where.append(trials.c.verdict.is_not(None))
    if nn_prefixes is not None:
        # Not LIKE: SQLite's ignores case, PostgreSQL's does not.
        starts = [
            sa.func.substr(architectures.c.name, 1, len(prefix)) == prefix
            for prefix in _listed(nn_prefixes)
        ]
        where.append(sa.or_(sa.false(), *starts))
    return where


_GROUP_BY: dict[str, sa.ColumnElement[Any]] = {
    "task": benchmarks.c.task,
    "dataset": benchmarks.c.dataset,
    "metric": benchmarks.c.metric,
    "nn": trials.c.architecture_id,
    "family": architectures.c.family,
    "transform": transforms.c.name,
    "epoch": epochs.c.epoch,
    "seed": trials.c.seed,
}


def _query(
    connection: Connection,
    where: Sequence[sa.ColumnElement[bool]],
    best_per: Sequence[str] | None,
    max_rows: int | None,
) -> sa.Select[Any]:
    query = _joined(sa.select(*(column.label(name) for name, column in READ))).where(*where)
    if best_per is not None:
        best = _best(where, best_per)
        query = query.join(best, (best.c.trial == trials.c.id) & (best.c.epoch == epochs.c.epoch))
    if max_rows is None:
        return query  # sorted as arrays, which is quicker
    bytewise = {"sqlite": "BINARY", "postgresql": "C"}[connection.dialect.name]
    names = (architectures.c.name, benchmarks.c.task, benchmarks.c.dataset, benchmarks.c.metric)
    order = [sa.collate(name, bytewise) for name in names]
    return query.order_by(*order, trials.c.id, epochs.c.epoch).limit(max_rows)


def _joined(query: sa.Select[Any]) -> sa.Select[Any]:
    return (
        query.select_from(trials)
        .join(epochs, epochs.c.trial_id == trials.c.id)
        .join(architectures, architectures.c.id == trials.c.architecture_id)
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .join(transforms, transforms.c.id == trials.c.transform_id)
    )


def _best(where: Sequence[sa.ColumnElement[bool]], best_per: Sequence[str]) -> sa.Subquery:
    """(trial, epoch) of the best row of every group."""
    rank = (
        sa.func.row_number()
        .over(
            partition_by=[_GROUP_BY[name] for name in best_per],
            order_by=[epochs.c.score.desc(), epochs.c.epoch, trials.c.id],
        )
        .label("rank")
    )
    ranked = (
        _joined(sa.select(trials.c.id.label("trial"), epochs.c.epoch, rank))
        .where(epochs.c.score.is_not(None), *where)
        .subquery()
    )
    return sa.select(ranked.c.trial, ranked.c.epoch).where(ranked.c.rank == 1).subquery()


def leaderboard(
    corpus: Corpus, dataset: str, limit: int = 10, metric: str | None = None
) -> list[Standing]:
    """The best networks on a data set: see `Corpus.leaderboard`."""
    found = data(
        db=corpus,
        dataset=dataset,
        metric=metric,
        only_best_accuracy=True,
        columns=("nn", "family", "metric", "accuracy", "epoch", "transform", "prm", "test_score"),
    )
    metrics = sorted(set(found["metric"]))
    if len(metrics) > 1:
        raise UsageError(f"{dataset} is scored by {' and '.join(metrics)}; choose one as metric")
    # Not by trial: which of two equals was stored first depends on the machine.
    found = found.sort_values(["accuracy", "epoch", "nn"], ascending=[False, True, True])
    rows: list[Any] = found.head(limit).to_dict("records")
    for rank, row in enumerate(rows, start=1):
        row["rank"] = rank
        row["test_score"] = None if pd.isna(row["test_score"]) else row["test_score"]
    return [Standing(**row) for row in rows]
