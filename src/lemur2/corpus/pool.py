"""What a corpus held when a run began: the networks that generators build on.

A run must give the same after it was killed, though the corpus has grown meanwhile, by the run
itself or by others. So a pool is bounded by the newest rows of the moment it was taken, its
watermark, which the ledger keeps. Rows below it do not change (sources are stored once, trials that
have ended are not touched again), but for trials that another process had under way just then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.architecture import Architecture, family
from lemur2.architecture.zoo import zoo_names, zoo_source
from lemur2.corpus.schema import architectures, benchmarks, epochs, trials
from lemur2.corpus.store import Corpus
from lemur2.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """The newest rows that a pool sees: ids of an architecture and of a trial; 0 for none."""

    architecture: int = 0
    trial: int = 0


@dataclass(frozen=True, kw_only=True)
class Member:
    """A network in a pool.

    Attributes:
        name, family, digest: As in the corpus.
        score: Its best on the pool's data set, in [0, 1]; None where it has none there.
    """

    name: str
    family: str
    digest: str
    score: float | None


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
    """

    def __init__(
        self,
        corpus: Corpus | None,
        *,
        task: str,
        dataset: str | None = None,
        watermark: Watermark | None = None,
    ) -> None:
        self.corpus, self.task = corpus, task
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
            return Watermark(
                architecture=_newest(connection, architectures), trial=_newest(connection, trials)
            )

    @cached_property
    def dataset(self) -> str | None:
        """Whose scores members have; None where the corpus has no trial of the task."""
        if self._dataset is not None or self.corpus is None:
            return self._dataset
        query = (
            sa.select(benchmarks.c.dataset)
            .join(trials, trials.c.benchmark_id == benchmarks.c.id)
            .where(benchmarks.c.task == self.task, trials.c.id <= self.watermark.trial)
            .group_by(benchmarks.c.dataset)
            .order_by(sa.func.count().desc(), benchmarks.c.dataset)
            .limit(1)
        )
        with self.corpus.database.read() as connection:
            return connection.scalar(query)

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
                )
                .where(architectures.c.id <= self.watermark.architecture)
                .order_by(architectures.c.id)
            )
            for row in connection.execute(query):
                if row.id in here or row.id not in elsewhere:
                    yield Member(
                        name=row.name,
                        family=row.family,
                        digest=row.digest,
                        score=scores.get(row.id),
                    )

    def _scores(self, connection: Connection) -> dict[int, float]:
        """The best score of each network, by its id."""
        if self.dataset is None:
            return {}
        query = (
            sa.select(trials.c.architecture_id, sa.func.max(epochs.c.score))
            .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
            .join(epochs, epochs.c.trial_id == trials.c.id)
            .where(
                self._visible,
                benchmarks.c.task == self.task,
                benchmarks.c.dataset == self.dataset,
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
        return trials.c.id <= self.watermark.trial


def _newest(connection: Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.max(table.c.id))) or 0


@cache
def _zoo(task: str) -> tuple[Member, ...]:
    return tuple(
        Member(
            name=name,
            family=family(name),
            digest=Architecture.parse(zoo_source(name), name=name).digest,
            score=None,
        )
        for name in zoo_names(task)
    )
