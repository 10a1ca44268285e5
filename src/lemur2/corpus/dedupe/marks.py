"""The corpus's networks as dedupe wants them, and the marks it leaves. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    benchmarks,
    epochs,
    redundant,
    sources,
    trials,
)
from lemur2.corpus.dedupe.tiers import Entry, Redundant
from lemur2.corpus.store import Corpus
from lemur2.errors import UserError
from lemur2.metrics import best_of, higher_is_better

_ROWS = 500  # fetched or inserted at a time


def entries(corpus: Corpus) -> list[Entry]:
    """All networks of a corpus, in the order in which they were stored."""
    with corpus.database.read() as connection:
        return list(_entries(connection))


def mark(corpus: Corpus, found: Iterable[Redundant]) -> int:
    """Mark these networks as redundant, and no others; how many. One transaction.

    Raises:
        UserError: The corpus has no network of one of the names.
    """
    with corpus.database.write() as connection:
        names = connection.execute(sa.select(architectures.c.name, architectures.c.id)).tuples()
        ids = dict(names.all())
        rows = [_row(each, ids) for each in found]
        connection.execute(sa.delete(redundant))
        for start in range(0, len(rows), _ROWS):
            connection.execute(sa.insert(redundant), rows[start : start + _ROWS])
    return len(rows)


def unmark(corpus: Corpus) -> int:
    """Take every mark away; how many there were."""
    with corpus.database.write() as connection:
        return connection.execute(sa.delete(redundant)).rowcount


def marked(corpus: Corpus) -> list[Redundant]:
    """The marks that a corpus has, by name."""
    kept = architectures.alias("kept")
    query = (
        sa.select(architectures.c.name, kept.c.name.label("representative"), redundant)
        .join(redundant, redundant.c.architecture_id == architectures.c.id)
        .join(kept, kept.c.id == redundant.c.representative_id)
    )
    with corpus.database.read() as connection:
        rows = connection.execute(query).all()
    found = [
        Redundant(
            name=row.name,
            representative=row.representative,
            tier=row.tier,
            similarity=row.similarity,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: each.name)


def _row(each: Redundant, ids: dict[str, int]) -> dict[str, object]:
    for name in (each.name, each.representative):
        if name not in ids:
            raise UserError(f"the corpus has no network {name}; run `lemur2 dedupe` on it again")
    return {
        "architecture_id": ids[each.name],
        "representative_id": ids[each.representative],
        "tier": each.tier,
        "similarity": each.similarity,
    }


def _entries(connection: Connection) -> Iterable[Entry]:
    accuracies = _accuracies(connection)
    query = (
        sa.select(architectures, sources.c.text)
        .join(sources, sources.c.id == architectures.c.source_id)
        .order_by(architectures.c.id)
        .execution_options(yield_per=_ROWS)
    )
    for row in connection.execute(query):
        yield Entry(
            id=row.id,
            name=row.name,
            family=row.family,
            source=codec.decode_text(row.text),
            digest=row.digest,
            structure_digest=row.structure_digest,
            parameters=row.parameters,
            accuracy=accuracies.get(row.id),
        )


def _accuracies(connection: Connection) -> dict[int, float]:
    """By architecture: how near its best score comes to the best there is on that benchmark.

    From 0 to 1, at the benchmark where it comes nearest: the score over the best one, or the best
    one over the score where lower is better.
    """
    scores = (
        sa.select(
            trials.c.architecture_id,
            benchmarks.c.id,
            benchmarks.c.metric,
            sa.func.min(epochs.c.score),
            sa.func.max(epochs.c.score),
        )
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .join(epochs, epochs.c.trial_id == trials.c.id)
        .where(trials.c.verdict == "ok", trials.c.flagged.is_(None), epochs.c.score.is_not(None))
        .group_by(trials.c.architecture_id, benchmarks.c.id)
    )
    rows = [
        (architecture, benchmark, metric, best_of((lowest, highest), metric))
        for architecture, benchmark, metric, lowest, highest in connection.execute(scores)
    ]
    record: dict[int, float] = {}
    for _, benchmark, metric, score in rows:
        record[benchmark] = best_of((record.get(benchmark, score), score), metric)
    found: dict[int, float] = {}
    for architecture, benchmark, metric, score in rows:
        share = _share(score, record[benchmark], metric)
        found[architecture] = max(share, found.get(architecture, share))
    return found


def _share(score: float, record: float, metric: str) -> float:
    """How near a score comes to the best one, from 0 to 1."""
    if higher_is_better(metric):
        return score / record if record > 0 else 0.0
    return record / score if score > 0 else 1.0
