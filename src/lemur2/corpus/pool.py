"""What a corpus held when a run began: the networks that generators build on.

A pool is bounded by a watermark, which the ledger keeps (`corpus.rows.watermark`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.architecture import Architecture, family
from lemur2.architecture.zoo import zoo_names, zoo_parameters, zoo_source
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, benchmarks, epochs, transforms, trials
from lemur2.corpus.rows.watermark import Watermark, now
from lemur2.corpus.store import Corpus
from lemur2.errors import UserError
from lemur2.metrics import higher_is_better, loss


@dataclass(frozen=True, kw_only=True)
class Member:
    """A network in a pool.

    Attributes:
        name, family, digest: As in the corpus.
        score: Its best by the pool's metric on its data set; None where it has none there.
        parameters: How many; None where that was not measured.
    """

    name: str
    family: str
    digest: str
    score: float | None
    parameters: int | None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a run trains under, beside its data set: with equal terms, a trial need not be repeated.

    Attributes:
        metric, transform: Names.
        hyperparameters: As a network is given them that declares all of them.
        epochs: How many.
        seed: Of weights, order and augmentation.
    """

    metric: str
    transform: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 1
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class KnownTrial:
    """A trial that is there already.

    Attributes:
        nn: Name of the network.
        score: After the last epoch.
        seconds: Mean of its epochs; None where one is not known.
        parameters, flops: From screening; None where it was not screened.
    """

    nn: str
    score: float
    seconds: float | None
    parameters: int | None
    flops: int | None


class Pool:
    """The networks for a task, from a corpus and from the zoo, each program once.

    Members are those of the corpus that were tried on the task, or on none yet, in the order in
    which they were stored, then those of the zoo that it lacks. Reading is put off until
    somebody asks, and done once.

    Args:
        corpus: An open one; None for the zoo alone.
        task: Whose networks.
        dataset: Whose scores; None takes the task's data set with the most trials.
        watermark: What a resumed run saw; None sees all that there is now.
        terms: What the run trains under; None where nothing is trained.
    """

    def __init__(
        self,
        corpus: Corpus | None,
        *,
        task: str,
        dataset: str | None = None,
        watermark: Watermark | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.corpus, self.task = corpus, task
        self.terms = terms
        self._dataset = dataset
        self._watermark = watermark

    @cached_property
    def watermark(self) -> Watermark:
        """How far this pool sees."""
        if self._watermark is not None:
            return self._watermark
        if self.corpus is None:
            return Watermark()
        with self.corpus.database.read() as connection:
            return now(connection, writing=False)

    @cached_property
    def dataset(self) -> str | None:
        """Whose scores members have; None where the corpus has no trial of the task."""
        if self._dataset is not None or self.corpus is None:
            return self._dataset
        query = (
            sa.select(benchmarks.c.dataset)
            .join(trials, trials.c.benchmark_id == benchmarks.c.id)
            .where(benchmarks.c.task == self.task, self._visible)
            .group_by(benchmarks.c.dataset)
            .order_by(sa.func.count().desc(), benchmarks.c.dataset)
            .limit(1)
        )
        with self.corpus.database.read() as connection:
            return connection.scalar(query)

    @cached_property
    def metric(self) -> str | None:
        """What members' scores are by: the terms' metric, else the one with the most trials.

        None where the corpus has no trial on the data set.
        """
        if self.terms is not None:
            return self.terms.metric
        if self.corpus is None or self.dataset is None:
            return None
        query = (
            sa.select(benchmarks.c.metric)
            .join(trials, trials.c.benchmark_id == benchmarks.c.id)
            .where(
                benchmarks.c.task == self.task,
                benchmarks.c.dataset == self.dataset,
                self._visible,
            )
            .group_by(benchmarks.c.metric)
            .order_by(sa.func.count().desc(), benchmarks.c.metric)
            .limit(1)
        )
        with self.corpus.database.read() as connection:
            return connection.scalar(query)

    def loss(self, member: Member) -> float:
        """A member's score as something to be small; infinite where it has none."""
        return math.inf if self.metric is None else loss(member.score, self.metric)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """All of them, in an order that never changes."""
        found: dict[str, Member] = {}
        for member in (*self._stored(), *_zoo(self.task)):
            found.setdefault(member.digest or member.name, member)
        return tuple(found.values())

    @cached_property
    def by_name(self) -> Mapping[str, Member]:
        """Members by name."""
        return {member.name: member for member in self.members}

    def known(
        self,
        digest: str,
        *,
        hyperparameters: Mapping[str, Any] | None = None,
        epochs: int | None = None,
    ) -> KnownTrial | None:
        """What a trial under exactly the run's terms gave; the first of several, None without one.

        Trials that failed or that are flagged do not count, nor do those of another seed.

        Args:
            digest: Canonical digest of the network.
            hyperparameters: Those that it is trained with instead of the terms'.
            epochs: Likewise.
        """
        if self.terms is None or digest not in self._names:
            return None
        wanted = {**self.terms.hyperparameters, **(hyperparameters or {})}
        planned = epochs or self.terms.epochs
        for given, found in self._trials_of(self._names[digest]):
            declared = {key: value for key, value in given.items() if key in wanted}
            same = all(wanted[key] == value for key, value in declared.items())
            named = set(hyperparameters or ()) <= set(declared)
            if same and named and given.get("epoch") == planned:
                return found
        return None

    @cached_property
    def _names(self) -> Mapping[str, list[int]]:
        """Ids of the corpus's networks by digest."""
        found: dict[str, list[int]] = {}
        if self.corpus is None:
            return found
        query = (
            sa.select(architectures.c.digest, architectures.c.id)
            .where(self.watermark.networks)
            .order_by(architectures.c.id)
        )
        with self.corpus.database.read() as connection:
            for digest, key in connection.execute(query):
                found.setdefault(digest, []).append(key)
        return found

    def _trials_of(self, ids: list[int]) -> list[tuple[dict[str, Any], KnownTrial]]:
        """Hyperparameters and results of the trials under the run's terms but for those."""
        assert self.corpus is not None
        assert self.terms is not None
        last = sa.func.max(epochs.c.epoch)
        query = (
            sa.select(
                trials,
                architectures.c.name,
                self._measured(architectures.c.parameters),
                self._measured(architectures.c.flops),
                last.label("last"),
                sa.func.avg(epochs.c.seconds).label("mean_seconds"),
                (sa.func.count(epochs.c.seconds) == sa.func.count()).label("timed"),
            )
            .join(architectures, architectures.c.id == trials.c.architecture_id)
            .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
            .join(transforms, transforms.c.id == trials.c.transform_id)
            .join(epochs, epochs.c.trial_id == trials.c.id)
            .where(
                self._visible,
                trials.c.architecture_id.in_(ids),
                benchmarks.c.task == self.task,
                benchmarks.c.dataset == self.dataset,
                benchmarks.c.metric == self.terms.metric,
                transforms.c.name == self.terms.transform,
                trials.c.verdict == "ok",
                trials.c.flagged.is_(None),
                trials.c.seed == self.terms.seed,
            )
            .group_by(trials.c.id, architectures.c.id)
            .order_by(trials.c.id)
        )
        with self.corpus.database.read() as connection:
            rows = connection.execute(query).mappings().all()
            return [
                (codec.join_hyperparameters(row, codec.told(row["prm"])), known)
                for row in rows
                if (known := _known(connection, row)) is not None
            ]

    def source(self, name: str) -> str:
        """A member's text.

        Raises:
            UserError: Neither the corpus nor the zoo has a network of this name.
        """
        text = None if self.corpus is None else self.corpus.source(name)
        if text is not None:
            return text
        if name in zoo_names():
            return zoo_source(name)
        raise UserError(f"no network {name} in the corpus or the zoo; `lemur2 data` lists them")

    def _stored(self) -> Iterator[Member]:
        if self.corpus is None:
            return
        with self.corpus.database.read() as connection:
            scores = self._scores(connection)
            elsewhere = self._tried(connection, benchmarks.c.task != self.task)
            here = self._tried(connection, benchmarks.c.task == self.task)
            query = (
                sa.select(
                    architectures.c.id,
                    architectures.c.name,
                    architectures.c.family,
                    architectures.c.digest,
                    self._measured(architectures.c.parameters),
                )
                .where(self.watermark.networks)
                .order_by(architectures.c.id)
            )
            for row in connection.execute(query):
                if row.id in here or row.id not in elsewhere:
                    yield Member(
                        name=row.name,
                        family=row.family,
                        digest=row.digest,
                        score=scores.get(row.id),
                        parameters=row.parameters,
                    )

    def _scores(self, connection: Connection) -> dict[int, float]:
        """The best score of each network, by its id."""
        if self.dataset is None or self.metric is None:
            return {}
        best = sa.func.max if higher_is_better(self.metric) else sa.func.min
        query = (
            sa.select(trials.c.architecture_id, best(epochs.c.score))
            .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
            .join(epochs, epochs.c.trial_id == trials.c.id)
            .where(
                self._visible,
                benchmarks.c.task == self.task,
                benchmarks.c.dataset == self.dataset,
                benchmarks.c.metric == self.metric,
                trials.c.verdict == "ok",
                trials.c.flagged.is_(None),
            )
            .group_by(trials.c.architecture_id)
        )
        return {row[0]: row[1] for row in connection.execute(query) if row[1] is not None}

    def _tried(self, connection: Connection, where: sa.ColumnElement[bool]) -> set[int]:
        query = (
            sa.select(trials.c.architecture_id)
            .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
            .where(self._visible, where)
            .distinct()
        )
        return set(connection.scalars(query))

    @property
    def _visible(self) -> sa.ColumnElement[bool]:
        return self.watermark.trials

    def _measured(self, column: sa.Column[int]) -> sa.Label[int | None]:
        """What screening measured, as far as the pool sees it."""
        return sa.case((self.watermark.screened, column)).label(column.name)


def _known(connection: Connection, row: sa.RowMapping) -> KnownTrial | None:
    query = sa.select(epochs.c.score).where(
        epochs.c.trial_id == row["id"], epochs.c.epoch == row["last"]
    )
    score = connection.scalar(query)
    if score is None:
        return None
    return KnownTrial(
        nn=row["name"],
        score=score,
        seconds=row["mean_seconds"] if row["timed"] else None,
        parameters=row["parameters"],
        flops=row["flops"],
    )


@cache
def _zoo(task: str) -> tuple[Member, ...]:
    return tuple(
        Member(
            name=name,
            family=family(name),
            digest=Architecture.parse(zoo_source(name), name=name).digest,
            score=None,
            parameters=zoo_parameters(name),
        )
        for name in zoo_names(task)
    )
