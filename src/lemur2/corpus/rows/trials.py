"""Rows of trials and epochs. Functions on an open transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lemur2.architecture import Verdict
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    attempts,
    benchmarks,
    environments,
    epochs,
    outputs,
    sources,
    transforms,
    trials,
)
from lemur2.corpus.records import Artifact, Epoch, TrialResult
from lemur2.corpus.rows.architectures import ensure, ensure_environment, ensure_transform
from lemur2.corpus.rows.artifacts import keep
from lemur2.corpus.rows.entries import Trial


def begin(
    connection: Connection,
    *,
    architecture_id: int,
    task: str,
    dataset: str,
    metric: str,
    transform: str,
    transform_source: str,
    hyperparameters: Mapping[str, Any],
    seed: int | None,
    environment: Mapping[str, Any],
    run_id: int | None,
    uid: str | None = None,
) -> int:
    """A new trial that is under way; its id."""
    benchmark = {"task": task, "dataset": dataset, "metric": metric}
    inserted = connection.execute(
        sa.insert(trials).values(
            architecture_id=architecture_id,
            benchmark_id=ensure(connection, benchmarks, benchmark),
            transform_id=ensure_transform(connection, transform, transform_source),
            environment_id=ensure_environment(connection, environment),
            run_id=run_id,
            seed=seed,
            **codec.split_hyperparameters(hyperparameters),
            reason="",
            uid=uid,
            created=time.time(),
        )
    ).inserted_primary_key
    assert inserted is not None
    return inserted[0]


def add_epochs(connection: Connection, trial_id: int, found: Iterable[Epoch]) -> None:
    """Store epochs; one that is there already is replaced."""
    rows = [
        {
            "trial_id": trial_id,
            "epoch": epoch.epoch,
            "score": codec.number(epoch.score),
            "loss": codec.number(epoch.loss),
            "seconds": codec.number(epoch.seconds),
            "memory": epoch.memory,
            "diagnostics": codec.to_json(epoch.diagnostics) if epoch.diagnostics else None,
        }
        for epoch in found
    ]
    if rows:
        numbers = [row["epoch"] for row in rows]
        old = (epochs.c.trial_id == trial_id) & epochs.c.epoch.in_(numbers)
        connection.execute(sa.delete(epochs).where(old))
        connection.execute(sa.insert(epochs), rows)


def finish(
    connection: Connection,
    trial_id: int,
    verdict: Verdict,
    reason: str,
    test_score: float | None,
    output: str = "",
    artifact: Artifact | None = None,
) -> None:
    """Close a trial; `output` is what the network printed, `artifact` where its weights are."""
    if artifact is not None:
        keep(connection, trial_id, artifact)
    if output:
        text = codec.encode_text(output)
        connection.execute(sa.insert(outputs).values(trial_id=trial_id, text=text))
    connection.execute(
        sa.update(trials)
        .where(trials.c.id == trial_id)
        .values(
            verdict=verdict.value,
            reason=codec.plain(reason),
            test_score=codec.number(test_score),
        )
    )


def record(
    connection: Connection, architecture_id: int, result: TrialResult, run_id: int | None
) -> int:
    """Store a finished trial with its epochs; its id."""
    trial_id = begin(
        connection,
        architecture_id=architecture_id,
        task=result.task,
        dataset=result.dataset,
        metric=result.metric,
        transform=result.transform,
        transform_source=result.transform_source,
        hyperparameters=result.hyperparameters,
        seed=result.seed,
        environment=result.environment,
        run_id=run_id,
    )
    add_epochs(connection, trial_id, result.epochs)
    ended = (result.verdict, result.reason, result.test_score, result.output, result.artifact)
    finish(connection, trial_id, *ended)
    return trial_id


def drop_unfinished(connection: Connection, run_id: int) -> int:
    """Delete a run's trials that were under way when it was killed; how many."""
    unfinished = (trials.c.run_id == run_id) & trials.c.verdict.is_(None)
    return connection.execute(sa.delete(trials).where(unfinished)).rowcount


def find(connection: Connection, *where: sa.ColumnElement[bool]) -> list[Trial]:
    """Trials that have ended, with their epochs, in the order in which they began."""
    where = (*where, trials.c.verdict.is_not(None))
    query = (
        sa.select(
            trials,
            architectures.c.name.label("architecture"),
            benchmarks.c.task,
            benchmarks.c.dataset,
            benchmarks.c.metric,
            transforms.c.name.label("transform"),
            sources.c.text.label("transform_source"),
            environments.c.content.label("environment"),
        )
        .join(architectures, architectures.c.id == trials.c.architecture_id)
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .join(transforms, transforms.c.id == trials.c.transform_id)
        .join(sources, sources.c.id == transforms.c.source_id)
        .join(environments, environments.c.id == trials.c.environment_id)
        .where(*where)
        .order_by(trials.c.id)
    )
    rows = connection.execute(query).mappings().all()
    selected = sa.select(trials.c.id).join(
        architectures, architectures.c.id == trials.c.architecture_id
    )
    found = _epochs(connection, selected.where(*where))
    return [_trial(row, found.get(row["id"], ())) for row in rows]


def printed(connection: Connection, trial_id: int) -> str:
    """What a trial's network printed; "" where nothing was kept."""
    text = connection.scalar(sa.select(outputs.c.text).where(outputs.c.trial_id == trial_id))
    return "" if text is None else codec.decode_text(text)


def of_run(run_id: int) -> sa.ColumnElement[bool]:
    """Condition: trials of a run."""
    return trials.c.run_id == run_id


def of_architecture(name: str) -> sa.ColumnElement[bool]:
    """Condition: trials of an architecture."""
    return architectures.c.name == name


def of_attempts(run_id: int) -> sa.ColumnElement[bool]:
    """Condition: trials that a run's attempts ended in."""
    made = sa.select(attempts.c.trial_id).where(attempts.c.run_id == run_id)
    return trials.c.id.in_(made)


def _epochs(connection: Connection, selected: sa.Select[Any]) -> dict[int, tuple[Epoch, ...]]:
    query = (
        sa.select(epochs)
        .where(epochs.c.trial_id.in_(selected))
        .order_by(epochs.c.trial_id, epochs.c.epoch)
    )
    found: dict[int, list[Epoch]] = {}
    for row in connection.execute(query):
        epoch = Epoch(
            epoch=row.epoch,
            score=float("nan") if row.score is None else row.score,
            loss=row.loss,
            seconds=float("nan") if row.seconds is None else row.seconds,
            memory=row.memory or 0,
            diagnostics=codec.told(row.diagnostics),
        )
        found.setdefault(row.trial_id, []).append(epoch)
    return {trial_id: tuple(rows) for trial_id, rows in found.items()}


def _trial(row: RowMapping, found: tuple[Epoch, ...]) -> Trial:
    result = TrialResult(
        task=row["task"],
        dataset=row["dataset"],
        metric=row["metric"],
        transform=row["transform"],
        hyperparameters=codec.join_hyperparameters(row, codec.told(row["prm"])),
        seed=row["seed"],
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        epochs=found,
        test_score=row["test_score"],
        environment=codec.from_json(row["environment"]),
        transform_source=codec.decode_text(row["transform_source"]),
    )
    return Trial(
        id=row["id"],
        architecture=row["architecture"],
        run=row["run_id"],
        uid=row["uid"],
        created=row["created"],
        result=result,
        flagged=row["flagged"],
    )
