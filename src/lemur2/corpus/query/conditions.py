"""Which trials and epochs a query keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypedDict

import sqlalchemy as sa

from lemur2.corpus.db.schema import (
    architectures,
    benchmarks,
    epochs,
    redundant,
    transforms,
    trials,
)

Names = str | Iterable[str] | None


class Filters(TypedDict, total=False):
    """What a query may keep rows by; see `lemur2.corpus.query.table.data`."""

    task: Names
    dataset: Names
    metric: Names
    nn: Names
    nn_prefixes: Names
    transform: Names
    epoch: int | Iterable[int] | None
    verdict: Names
    provenance: Literal["own", "imported"] | None
    flagged: bool | None
    unique: bool


class Conditions:
    """Filters as conditions on the tables `trials` and `epochs`.

    Attributes:
        trials, epochs: Conditions, each on columns of that table alone.
        narrow: Whether they are likely to leave few trials, so that these are looked up; the
            table of epochs is read from end to end where not.
    """

    def __init__(
        self,
        *,
        task: Names = None,
        dataset: Names = None,
        metric: Names = None,
        nn: Names = None,
        nn_prefixes: Names = None,
        transform: Names = None,
        epoch: int | Iterable[int] | None = None,
        verdict: Names = "ok",
        provenance: Literal["own", "imported"] | None = None,
        flagged: bool | None = None,
        unique: bool = False,
    ) -> None:
        benchmark = _any_of(
            (benchmarks.c.task, task),
            (benchmarks.c.dataset, dataset),
            (benchmarks.c.metric, metric),
        )
        network = _any_of((architectures.c.name, nn)) + _prefixed(nn_prefixes)
        self.trials: list[sa.ColumnElement[bool]] = [
            column.in_(sa.select(table.c.id).where(*where))
            for column, table, where in (
                (trials.c.benchmark_id, benchmarks, benchmark),
                (trials.c.architecture_id, architectures, network),
                (trials.c.transform_id, transforms, _any_of((transforms.c.name, transform))),
            )
            if where
        ]
        self.narrow = bool(self.trials)
        self.trials += _any_of((trials.c.verdict, verdict)) or [trials.c.verdict.is_not(None)]
        for column, wanted in ((trials.c.flagged, flagged), (trials.c.import_id, provenance)):
            if wanted is not None:
                is_set = wanted is True or wanted == "imported"
                self.trials.append(column.is_not(None) if is_set else column.is_(None))
        if unique:
            marks = sa.select(redundant.c.architecture_id)
            self.trials.append(trials.c.architecture_id.not_in(marks))
        self.epochs = _any_of((epochs.c.epoch, epoch))


def _any_of(*wanted: tuple[sa.ColumnElement[Any], Any]) -> list[sa.ColumnElement[bool]]:
    return [column.in_(listed(values)) for column, values in wanted if values is not None]


def _prefixed(prefixes: Names) -> list[sa.ColumnElement[bool]]:
    if prefixes is None:
        return []
    # Not LIKE: SQLite's ignores case, PostgreSQL's does not.
    starts = [
        sa.func.substr(architectures.c.name, 1, len(prefix)) == prefix
        for prefix in listed(prefixes)
    ]
    return [sa.or_(sa.false(), *starts)]


def listed(value: Any) -> list[Any]:
    """One or several, as a list."""
    return [value] if isinstance(value, str | int) else list(value)
