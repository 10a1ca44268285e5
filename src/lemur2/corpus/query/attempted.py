"""What became of candidates: their attempts, and trials outside attempts, without their sources."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from lemur2.architecture import Verdict
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, attempts, benchmarks, epochs, runs, trials
from lemur2.corpus.store import Corpus


@dataclass(frozen=True, kw_only=True)
class Attempted:
    """An attempt of a run, or a trial of one that was none (of a search).

    Attributes:
        run: Number of the run; None for an imported trial.
        index: The attempt's; None for a trial.
        name: Of the network or transform.
        generator: What proposed it; of a trial the run's verb.
        verdict: How it ended; None while it is pending.
        reason: Why so.
        dataset, metric: What it was to be trained on; None where nothing says so.
        score: After the last epoch, where the verdict is `ok` and it was trained.
        seconds: Of wall time; of a trial those that its epochs took.
        trained: Whether it has a trial.
    """

    run: int | None
    index: int | None
    name: str
    generator: str
    verdict: Verdict | None
    reason: str
    dataset: str | None
    metric: str | None
    score: float | None
    seconds: float
    trained: bool


def attempted(
    corpus: Corpus,
    *,
    run: int | None = None,
    verdicts: Collection[Verdict] | None = None,
    names: Collection[str] | None = None,
    prefixes: Sequence[str] | None = None,
    datasets: Collection[str] | None = None,
    metrics: Collection[str] | None = None,
    limit: int | None = None,
) -> list[Attempted]:
    """Attempts in the order of runs and of asking, then trials that belong to none.

    Args:
        corpus: Where they are.
        run: Only those of this run.
        verdicts: Only those that ended so; pending ones only where None.
        names: Only those of these names.
        prefixes: Only those whose names begin so.
        datasets: Only those that were to be trained on these.
        metrics: None that were scored by others.
        limit: At most so many.
    """
    found: list[Attempted] = []
    with corpus.database.read() as connection:
        for query in (_attempts(), _trials()):
            for row in connection.execute(_kept(query, run, verdicts, names, prefixes)):
                each = _attempted(row)
                other = metrics is not None and each.metric not in (None, *metrics)
                if not other and (datasets is None or each.dataset in datasets):
                    found.append(each)
                if len(found) == limit:
                    return found
    return found


def _score(trial: sa.ColumnElement[int]) -> sa.ScalarSelect[float]:
    query = sa.select(epochs.c.score).where(epochs.c.trial_id == trial)
    return query.order_by(epochs.c.epoch.desc()).limit(1).scalar_subquery()


def _attempts() -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(
            attempts.c.run_id.label("run"),
            attempts.c.index,
            attempts.c.name,
            attempts.c.generator,
            attempts.c.verdict,
            attempts.c.reason,
            runs.c.protocol,
            benchmarks.c.dataset,
            benchmarks.c.metric,
            _score(attempts.c.trial_id).label("score"),
            attempts.c.seconds,
            attempts.c.trial_id,
        )
        .join(runs, runs.c.id == attempts.c.run_id)
        .outerjoin(trials, trials.c.id == attempts.c.trial_id)
        .outerjoin(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .order_by(attempts.c.run_id, attempts.c.index)
    )


def _trials() -> sa.Select[tuple[object, ...]]:
    taken = sa.select(attempts.c.trial_id).where(attempts.c.trial_id.is_not(None))
    spent = sa.select(sa.func.sum(epochs.c.seconds)).where(epochs.c.trial_id == trials.c.id)
    return (
        sa.select(
            trials.c.run_id.label("run"),
            sa.null().label("index"),
            architectures.c.name,
            runs.c.verb.label("generator"),
            trials.c.verdict,
            trials.c.reason,
            runs.c.protocol,
            benchmarks.c.dataset,
            benchmarks.c.metric,
            _score(trials.c.id).label("score"),
            spent.scalar_subquery().label("seconds"),
            trials.c.id.label("trial_id"),
        )
        .join(architectures, architectures.c.id == trials.c.architecture_id)
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .outerjoin(runs, runs.c.id == trials.c.run_id)
        .where(trials.c.id.not_in(taken), trials.c.verdict.is_not(None))
        .order_by(trials.c.id)
    )


def _kept(
    query: sa.Select[tuple[object, ...]],
    run: int | None,
    verdicts: Collection[Verdict] | None,
    names: Collection[str] | None,
    prefixes: Sequence[str] | None,
) -> sa.Select[tuple[object, ...]]:
    column = query.selected_columns
    if run is not None:
        query = query.where(column.run == run)
    if verdicts is not None:
        query = query.where(column.verdict.in_([verdict.value for verdict in verdicts]))
    if names is not None:
        query = query.where(column.name.in_(names))
    if prefixes is not None:  # not LIKE: SQLite's ignores case, PostgreSQL's does not
        starts = (sa.func.substr(column.name, 1, len(each)) == each for each in prefixes)
        query = query.where(sa.or_(sa.false(), *starts))
    return query


def _attempted(row: sa.Row[tuple[object, ...]]) -> Attempted:
    values = row._mapping
    protocol = codec.from_json(values["protocol"]) or {}
    verdict = values["verdict"] and Verdict(values["verdict"])
    return Attempted(
        run=values["run"],
        index=values["index"],
        name=values["name"],
        generator=values["generator"] or "import",
        verdict=verdict or None,
        reason=values["reason"],
        dataset=values["dataset"] or protocol.get("dataset"),
        metric=values["metric"],
        score=values["score"] if verdict is Verdict.OK else None,
        seconds=values["seconds"] or 0.0,
        trained=values["trial_id"] is not None,
    )
