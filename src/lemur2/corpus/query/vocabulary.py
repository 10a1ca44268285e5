"""The names that a corpus holds, by kind: what a filter can be checked against."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from lemur2.corpus.db.schema import architectures, benchmarks, transforms
from lemur2.corpus.store import Corpus

COLUMNS = {
    "task": benchmarks.c.task,
    "dataset": benchmarks.c.dataset,
    "metric": benchmarks.c.metric,
    "nn": architectures.c.name,
    "transform": transforms.c.name,
}


def unknown(corpus: Corpus, kind: str, words: Iterable[str]) -> list[str]:
    """Those of the words that name nothing of a kind (a key of `COLUMNS`) in the corpus."""
    wanted = list(words)
    column = COLUMNS[kind]
    query = sa.select(column).where(column.in_(wanted)).distinct()
    with corpus.database.read() as connection:
        found = set(connection.scalars(query))
    return [word for word in wanted if word not in found]


def names(corpus: Corpus, kind: str) -> list[str]:
    """All names of a kind (a key of `COLUMNS`), sorted."""
    column = COLUMNS[kind]
    with corpus.database.read() as connection:
        return list(connection.scalars(sa.select(column).distinct().order_by(column)))
