"""What a screening of the whole corpus reads: networks without facts, verdicts by family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from lemur2.architecture import Verdict
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, attempts, benchmarks, sources, trials
from lemur2.corpus.funnel import wilson
from lemur2.corpus.store import Corpus

_FEW = 500  # names in one IN (...)


@dataclass(frozen=True, kw_only=True)
class Unscreened:
    """A network that has no facts from screening.

    Attributes:
        name, family, digest: As the corpus has them.
        tasks: Those that it has trials for, most of them first.
    """

    name: str
    family: str
    digest: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of a family's screened networks got a verdict, with the 95% Wilson interval."""

    family: str
    verdict: Verdict
    count: int
    n: int
    share: float
    low: float
    high: float
    reason: str  # the most frequent one; "" for `ok`


def unscreened(corpus: Corpus) -> list[Unscreened]:
    """The networks that were never screened with success, by name."""
    counted = (
        sa.select(trials.c.architecture_id, benchmarks.c.task, sa.func.count().label("n"))
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .group_by(trials.c.architecture_id, benchmarks.c.task)
    )
    query = sa.select(
        architectures.c.id, architectures.c.name, architectures.c.family, architectures.c.digest
    ).where(architectures.c.structure_digest.is_(None))
    tasks: dict[int, list[tuple[int, str]]] = {}
    with corpus.database.read() as connection:
        for architecture, task, n in connection.execute(counted):
            tasks.setdefault(architecture, []).append((-n, task))
        rows = connection.execute(query).all()
    found = [
        Unscreened(
            name=row.name,
            family=row.family,
            digest=row.digest,
            tasks=tuple(task for _, task in sorted(tasks.get(row.id, ()))),
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: each.name)


def families(corpus: Corpus) -> dict[str, int]:
    """How many networks every family has."""
    query = sa.select(architectures.c.family, sa.func.count()).group_by(architectures.c.family)
    with corpus.database.read() as connection:
        return dict(connection.execute(query).tuples().all())


def texts(corpus: Corpus, names: Sequence[str]) -> dict[str, str]:
    """The sources of networks by name."""
    found: dict[str, str] = {}
    with corpus.database.read() as connection:
        for start in range(0, len(names), _FEW):
            query = (
                sa.select(architectures.c.name, sources.c.text)
                .join(sources, sources.c.id == architectures.c.source_id)
                .where(architectures.c.name.in_(names[start : start + _FEW]))
            )
            for name, text in connection.execute(query):
                found[name] = codec.decode_text(text)
    return found


def shares(corpus: Corpus, run: int) -> list[Share]:
    """The verdicts of a run of `screen` by family; the largest families first."""
    columns = (attempts.c.prefix, attempts.c.verdict, attempts.c.reason)
    query = (
        sa.select(*columns, sa.func.count())
        .where(attempts.c.run_id == run, attempts.c.verdict.is_not(None))
        .group_by(*columns)
    )
    with corpus.database.read() as connection:
        rows = connection.execute(query).tuples().all()
    totals: Counter[str] = Counter()
    reasons: dict[tuple[str, Verdict], Counter[str]] = {}
    for family, verdict, reason, count in rows:
        totals[family] += count
        reasons.setdefault((family, Verdict(verdict)), Counter())[reason] += count
    order = sorted(reasons, key=lambda key: (-totals[key[0]], key[0], -reasons[key].total()))
    return [
        _share(family, verdict, reasons[family, verdict], totals[family])
        for family, verdict in order
    ]


def _share(family: str, verdict: Verdict, reasons: Counter[str], n: int) -> Share:
    count = reasons.total()
    low, high = wilson(count, n)
    reason = min(reasons, key=lambda text: (-reasons[text], text))
    return Share(
        family=family,
        verdict=verdict,
        count=count,
        n=n,
        share=count / n,
        low=low,
        high=high,
        reason=reason,
    )
