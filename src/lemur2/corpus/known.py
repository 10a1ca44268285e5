"""What a run need not do, because the corpus had it done when the run began.

A known network is not a trained one: what is not done again is a training under the same terms
(`Terms`), or in runs that screen, a screening. See docs/decisions/025-duplicates.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from lemur2.architecture import Verdict
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    attempts,
    benchmarks,
    runs,
    sources,
    transforms,
    trials,
)
from lemur2.corpus.records import Facts
from lemur2.corpus.rows import architectures as rows
from lemur2.corpus.rows.watermark import Watermark
from lemur2.corpus.store import Corpus

# How a training ends that would end so again. Limits, the machine and what the sandbox forbids
# may be others next time.
LASTING = (Verdict.OK, Verdict.DIVERGED, Verdict.TRAIN)

_NOT_GIVEN = ("transform", "epoch", "checkpointing")  # in `prm`, but compared by themselves


@dataclass(frozen=True, kw_only=True)
class Training:
    """What a training is, beside the network. With all of it equal, it is the same training.

    Attributes:
        task, dataset, metric, transform: Names.
        transform_source: The transform's text.
        epochs, seed, amp, checkpointing: As in the protocol.
        value: What a network that declares a hyperparameter of this name is given.
    """

    task: str
    dataset: str
    metric: str
    transform: str
    transform_source: str
    epochs: int
    seed: int
    amp: bool
    checkpointing: bool
    value: Callable[[str], Any]

    def gave(self, prm: Mapping[str, Any], protocol: Mapping[str, Any]) -> bool:
        """Whether a stored trial had its hyperparameters, epochs and switches."""
        declared = [name for name in prm if name not in _NOT_GIVEN]
        return (
            prm.get("epoch") == self.epochs
            and bool(prm.get("checkpointing", False)) == self.checkpointing
            and bool(protocol.get("amp", False)) == self.amp
            and all(prm[name] == self.value(name) for name in declared)
        )


class Known:
    """What the corpus held at a watermark.

    Args:
        corpus: An open one.
        watermark: How far to see.
    """

    def __init__(self, corpus: Corpus, watermark: Watermark) -> None:
        self.corpus = corpus
        self.watermark = watermark

    def name(self, digest: str) -> str | None:
        """The network with this canonical digest, by name; the one stored first."""
        with self.corpus.database.read() as connection:
            return rows.known(connection, [digest], self.watermark.networks).get(digest)

    def digest(self, name: str) -> str | None:
        """The canonical digest of the network of this name; None where there is none."""
        query = sa.select(architectures.c.digest).where(
            architectures.c.name == name, self.watermark.networks
        )
        with self.corpus.database.read() as connection:
            return connection.scalar(query)

    def facts(self, digest: str) -> Facts | None:
        """What screening measured on the network with this digest; None where it was not."""
        query = (
            sa.select(architectures)
            .where(architectures.c.digest == digest, self.watermark.screened)
            .order_by(architectures.c.id)
            .limit(1)
        )
        with self.corpus.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else codec.facts_from_columns(row)

    def trained(self, digest: str, training: Training) -> str | None:
        """The network with this digest, by name, where it had this training; else None.

        A trial counts whose end the network brought about (`LASTING`), not flagged ones, nor
        imported ones, whose seed nobody knows.
        """
        query = self._trials(training).where(
            architectures.c.digest == digest,
            self.watermark.networks,
            transforms.c.name == training.transform,
            sources.c.sha256 == codec.sha256(codec.encode_text(training.transform_source)),
        )
        return self._first(query.add_columns(architectures.c.name), training)

    def tried(self, digest: str, network: str, training: Training) -> str | None:
        """The transform with this digest, by name, where the network was so trained with it."""
        query = (
            self._trials(training)
            .join(attempts, attempts.c.trial_id == trials.c.id)
            .where(
                attempts.c.kind == "transform",
                attempts.c.digest == digest,
                architectures.c.name == network,
            )
        )
        return self._first(query.add_columns(attempts.c.name), training)

    def screened_transform(self, digest: str, network: str, dataset: str) -> str | None:
        """The transform with this digest, by name, that got through screening here; else None."""
        query = (
            sa.select(attempts.c.name, attempts.c.parents, runs.c.protocol)
            .join(runs, runs.c.id == attempts.c.run_id)
            .where(
                self.watermark.attempts,
                attempts.c.kind == "transform",
                attempts.c.digest == digest,
                attempts.c.facts.is_not(None),
            )
            .order_by(attempts.c.id)
        )
        with self.corpus.database.read() as connection:
            for name, parents, protocol in connection.execute(query):
                here = codec.from_json(protocol).get("dataset") == dataset
                if here and codec.from_json(parents)[:1] == [network]:
                    return str(name)
        return None

    def _trials(self, training: Training) -> sa.Select[Any]:
        """Trials that it sees, of the same benchmark and seed, in the order they were stored."""
        return (
            sa.select(trials, runs.c.protocol)
            .join(architectures, architectures.c.id == trials.c.architecture_id)
            .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
            .join(transforms, transforms.c.id == trials.c.transform_id)
            .join(sources, sources.c.id == transforms.c.source_id)
            .outerjoin(runs, runs.c.id == trials.c.run_id)
            .where(
                self.watermark.trials,
                trials.c.verdict.in_([verdict.value for verdict in LASTING]),
                trials.c.flagged.is_(None),
                trials.c.seed == training.seed,
                benchmarks.c.task == training.task,
                benchmarks.c.dataset == training.dataset,
                benchmarks.c.metric == training.metric,
            )
            .order_by(trials.c.id)
        )

    def _first(self, query: sa.Select[Any], training: Training) -> str | None:
        with self.corpus.database.read() as connection:
            for row in connection.execute(query).mappings():
                if training.gave(_prm(row), codec.from_json(row["protocol"]) or {}):
                    return str(row["name"])
        return None


def _prm(row: RowMapping) -> dict[str, Any]:
    return codec.join_hyperparameters(row, codec.from_json(row["prm"]))
