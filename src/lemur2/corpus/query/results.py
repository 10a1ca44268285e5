"""What runs came to: the best score of each, and how its last trial ended."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from lemur2.architecture import Verdict
from lemur2.corpus.db.schema import benchmarks, epochs, trials
from lemur2.corpus.store import Corpus


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run's trials came to.

    Attributes:
        metric: What they were scored by.
        lowest, highest: Of the last scores of those that ended well; None where none did.
        verdict: How the last one ended.
    """

    metric: str
    lowest: float | None
    highest: float | None
    verdict: Verdict


def results(corpus: Corpus, run: int | None = None) -> dict[int, Result]:
    """By run, of one run or all; runs without a trial that has ended are left out."""
    score = (
        sa.select(epochs.c.score)
        .where(epochs.c.trial_id == trials.c.id)
        .order_by(epochs.c.epoch.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        sa.select(trials.c.run_id, benchmarks.c.metric, trials.c.verdict, score.label("score"))
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .where(trials.c.run_id.is_not(None), trials.c.verdict.is_not(None))
        .order_by(trials.c.run_id, trials.c.id)
    )
    if run is not None:
        query = query.where(trials.c.run_id == run)
    scores: dict[int, list[float]] = {}
    found: dict[int, Result] = {}
    with corpus.database.read() as connection:
        for run_id, metric, verdict, value in connection.execute(query):
            known = scores.setdefault(run_id, [])
            if verdict == Verdict.OK and value is not None:
                known.append(value)
            found[run_id] = Result(
                metric=metric,
                lowest=min(known, default=None),
                highest=max(known, default=None),
                verdict=Verdict(verdict),
            )
    return found
