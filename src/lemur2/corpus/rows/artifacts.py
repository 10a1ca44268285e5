"""Rows of kept weights. Functions on an open transaction."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db.schema import architectures, artifacts, benchmarks, epochs, trials
from lemur2.corpus.records import Artifact


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Weights that are kept, with what they are of.

    Attributes:
        name: The network's.
        trial_id, run_id: Of the training; run_id None where it was in none.
        task, dataset, metric: Of the trial.
        score: On the validation part after that epoch; None where that is not known.
        artifact: The file.
    """

    name: str
    trial_id: int
    run_id: int | None
    task: str
    dataset: str
    metric: str
    score: float | None
    artifact: Artifact


def keep(connection: Connection, trial_id: int, artifact: Artifact) -> None:
    """Say where a trial's weights are; in place of what was said before."""
    connection.execute(sa.delete(artifacts).where(artifacts.c.trial_id == trial_id))
    row = {
        "trial_id": trial_id,
        "epoch": artifact.epoch,
        "digest": artifact.digest,
        "size": artifact.size,
        "plan": artifact.plan,
        "created": time.time(),
    }
    connection.execute(sa.insert(artifacts).values(row))


def let_go(connection: Connection, trial_ids: Collection[int]) -> set[str]:
    """Delete the rows of trials; the digests that no other row has any more."""
    mine = artifacts.c.trial_id.in_(trial_ids)
    gone = set(connection.scalars(sa.select(artifacts.c.digest).where(mine)))
    connection.execute(sa.delete(artifacts).where(mine))
    return gone - digests(connection)


def digests(connection: Connection) -> set[str]:
    """Of all files that rows name."""
    return set(connection.scalars(sa.select(artifacts.c.digest).distinct()))


def find(connection: Connection, *where: sa.ColumnElement[bool]) -> list[Kept]:
    """Kept weights, in the order of their trials."""
    query = (
        sa.select(
            architectures.c.name,
            trials.c.run_id,
            *(benchmarks.c[name] for name in ("task", "dataset", "metric")),
            epochs.c.score,
            artifacts,
        )
        .select_from(artifacts)
        .join(trials, trials.c.id == artifacts.c.trial_id)
        .join(architectures, architectures.c.id == trials.c.architecture_id)
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .outerjoin(
            epochs,
            (epochs.c.trial_id == artifacts.c.trial_id) & (epochs.c.epoch == artifacts.c.epoch),
        )
        .where(*where)
        .order_by(artifacts.c.trial_id)
    )
    return [
        Kept(
            name=row["name"],
            trial_id=row["trial_id"],
            run_id=row["run_id"],
            task=row["task"],
            dataset=row["dataset"],
            metric=row["metric"],
            score=row["score"],
            artifact=Artifact(
                epoch=row["epoch"], digest=row["digest"], size=row["size"], plan=row["plan"]
            ),
        )
        for row in connection.execute(query).mappings()
    ]
