"""Rows of a query as arrays: one narrow read of trials, one of epochs, put together by position.

Reading half a million rows is dominated by what is made of each value. So an epoch's row has
numbers alone, which become one array of floats per batch; all else is read once per trial, or
once per name, and repeated as an index. Decision 008 has the figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, benchmarks, epochs, sources, transforms, trials
from lemur2.corpus.query.conditions import Conditions

_BATCH = 20_000  # rows fetched at a time: bounds what is held as Python objects
_FEW_TRIALS = 20_000  # up to here trials are read by their ids, which is quicker than any scan
_FEW = 500  # ids in one IN (...): databases limit how many parameters a statement may have
_NULL = -np.finfo(np.float64).max  # stands for NULL on the way, which no array of floats has

# What is read of every trial at once; names and texts are looked up by id.
_IDS = {
    "trial": trials.c.id,
    "architecture": trials.c.architecture_id,
    "benchmark": trials.c.benchmark_id,
    "transform": trials.c.transform_id,
}
# What is read of the trials that are in the result, when it is asked for.
_DETAILS = {
    "seed": trials.c.seed,
    "lr": trials.c.lr,
    "batch": trials.c.batch,
    "momentum": trials.c.momentum,
    "dropout": trials.c.dropout,
    "prm": trials.c.prm,
    "verdict": trials.c.verdict,
    "test_score": trials.c.test_score,
    "flagged": trials.c.flagged,
    "import": trials.c.import_id,
}
# What may be read of every epoch.
EPOCH = {
    "epoch": epochs.c.epoch,
    "accuracy": epochs.c.score,
    "loss": epochs.c.loss,
    "duration": epochs.c.seconds,
    "memory": epochs.c.memory,
}
_NAMES = {
    "nn": ("architecture", architectures.c.name),
    "family": ("architecture", architectures.c.family),
    "task": ("benchmark", benchmarks.c.task),
    "dataset": ("benchmark", benchmarks.c.dataset),
    "metric": ("benchmark", benchmarks.c.metric),
    "transform": ("transform", transforms.c.name),
}
_CODE = {"nn_code": ("architecture", architectures), "transform_code": ("transform", transforms)}
TEXTS = (*_NAMES, *_CODE, "verdict", "provenance", "flagged")

Array = np.ndarray


@dataclass(frozen=True)
class Encoded:
    """A text for each trial: its place among `values`, which are sorted; None comes first."""

    codes: Array
    values: list[str | None]


class Trials:
    """Trials, sorted by nn, task, dataset, metric and id, and what is known of them.

    Attributes:
        ids: Of each trial (`trial`), and of its architecture, benchmark and transform.
    """

    def __init__(
        self, connection: Connection, ids: dict[str, Array], kept: sa.ColumnElement[bool]
    ) -> None:
        """`kept` is a condition that holds for all of these trials, and few others."""
        self._connection = connection
        self._kept = kept
        self._texts: dict[str, Encoded] = {}
        self._details: dict[str, Array] = {}
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids["trial"])

    def sorted(self) -> Trials:
        """In order."""
        ranks = [self.text(name).codes for name in ("metric", "dataset", "task", "nn")]
        return self.take(np.lexsort((self.ids["trial"], *ranks)))

    def take(self, places: Array) -> Trials:
        """These trials, in this order."""
        ids = {name: values[places] for name, values in self.ids.items()}
        made = Trials(self._connection, ids, self._kept)
        made._texts = {
            name: Encoded(text.codes[places], text.values) for name, text in self._texts.items()
        }
        made._details = {name: values[places] for name, values in self._details.items()}
        return made

    def detail(self, name: str) -> Array:
        """One of the columns of `_DETAILS`; all are read when the first one is asked for."""
        if not self._details:
            self._details = {
                column: objects(values)
                for column, values in zip(_DETAILS, self._read(), strict=True)
            }
        return self._details[name]

    def _read(self) -> list[Sequence[Any]]:
        """The columns of `_DETAILS` for these trials, in their order."""
        ids = self.ids["trial"].tolist()
        if not ids:
            return [() for _ in _DETAILS]
        kept: sa.ColumnElement[bool] | sa.TextClause = self._kept
        if len(ids) <= _FEW_TRIALS:
            # As text: with so many parameters SQLAlchemy takes longer than the database.
            kept = sa.text(f"trials.id IN ({','.join(map(str, ids))})")
        query = sa.select(*_DETAILS.values(), trials.c.id).where(kept)
        found = {row[-1]: row for rows in _fetch(self._connection, query) for row in rows}
        columns: list[Sequence[Any]] = list(zip(*(found[key] for key in ids), strict=True))
        return columns[:-1]

    def text(self, name: str) -> Encoded:
        """One of `TEXTS`; read when it is first asked for."""
        if name not in self._texts:
            self._texts[name] = self._read_text(name)
        return self._texts[name]

    def _read_text(self, name: str) -> Encoded:
        if name in ("verdict", "flagged"):
            return _encode(self.detail(name).tolist())
        if name == "provenance":
            imported = [key is not None for key in self.detail("import")]
            return _encode(["imported" if one else "own" for one in imported])
        if name in _CODE:
            key, table = _CODE[name]
            query = sa.select(table.c.id, sources.c.text).join(
                sources, sources.c.id == table.c.source_id
            )
            return self._by_id(key, query, table.c.id, codec.decode_text)
        key, column = _NAMES[name]
        ids = column.table.c.id
        return self._by_id(key, sa.select(ids, column), ids, str)

    def _by_id(
        self, key: str, query: sa.Select[Any], ids: sa.Column[int], read: Callable[[Any], str]
    ) -> Encoded:
        """What a query gives by id, read for a few ids or else for the whole table."""
        unique, inverse = np.unique(self.ids[key], return_inverse=True)
        if len(unique) <= _FEW:
            query = query.where(ids.in_(unique.tolist()))
        found: dict[int, Any] = dict(self._connection.execute(query).tuples().all())
        encoded = _encode([read(found[one]) for one in unique.tolist()])
        return Encoded(encoded.codes[inverse], encoded.values)


def _encode(texts: Sequence[str | None]) -> Encoded:
    known = sorted({text for text in texts if text is not None})
    values = [None, *known] if None in texts else list[str | None](known)
    place = {text: index for index, text in enumerate(values)}
    return Encoded(np.array([place[text] for text in texts], dtype=np.int64), values)


@dataclass(frozen=True)
class Rows:
    """Rows of a result: epochs, each of the trial at the place `at`."""

    trials: Trials
    at: Array
    epochs: dict[str, Array]

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: Any) -> Rows:
        """These rows, in this order: places, a mask, or a slice."""
        epochs = {name: values[rows] for name, values in self.epochs.items()}
        return Rows(self.trials, self.at[rows], epochs)

    def with_trials_of_rows(self) -> Rows:
        """Without the trials that have no row."""
        places = np.unique(self.at)
        return Rows(self.trials.take(places), np.searchsorted(places, self.at), self.epochs)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """Several parts with the same columns, at least one, one after the other."""
        columns = {
            name: np.concatenate([part.epochs[name] for part in parts]) for name in parts[0].epochs
        }
        return cls(parts[0].trials, np.concatenate([part.at for part in parts]), columns)


def read_trials(connection: Connection, conditions: Conditions) -> Trials:
    """The trials that are kept, in order."""
    query = sa.select(*_IDS.values()).where(*conditions.trials)
    table = _floats(connection, query, len(_IDS)).astype(np.int64)
    ids = {name: table[:, place] for place, name in enumerate(_IDS)}
    return Trials(connection, ids, sa.and_(*conditions.trials)).sorted()


def read_rows(
    connection: Connection, found: Trials, conditions: Conditions, wanted: Sequence[str]
) -> Rows:
    """All rows of the trials, in their order and by epoch, with the wanted columns of `EPOCH`."""
    where = list(conditions.epochs)
    if conditions.narrow:
        kept = sa.select(trials.c.id).where(*conditions.trials)
        where.append(epochs.c.trial_id.in_(kept))
    return _read_rows(connection, found, where, wanted)


def stream_rows(
    connection: Connection,
    found: Trials,
    conditions: Conditions,
    wanted: Sequence[str],
    trials_at_once: int = _FEW,
) -> Iterator[Rows]:
    """The same rows in the same order, those of a few trials at a time; once where none is."""
    ids = found.ids["trial"]
    for start in range(0, max(len(ids), 1), trials_at_once):
        few = ids[start : start + trials_at_once].tolist()
        yield _read_rows(
            connection, found, [*conditions.epochs, epochs.c.trial_id.in_(few)], wanted
        )


def _read_rows(
    connection: Connection,
    found: Trials,
    where: Sequence[sa.ColumnElement[bool]],
    wanted: Sequence[str],
) -> Rows:
    names = ("epoch", "accuracy", *(name for name in wanted if name in ("loss", "duration")))
    names += ("memory",) if "memory" in wanted else ()
    columns = [epochs.c.trial_id, *(sa.func.coalesce(EPOCH[name], _NULL) for name in names)]
    table = _floats(connection, sa.select(*columns).where(*where), len(columns))
    at = _places(found.ids["trial"], table[:, 0])
    kept = np.flatnonzero(at >= 0)
    at = at[kept]
    epoch = table[kept, 1].astype(np.int64)
    order = np.lexsort((epoch, at)) if len(at) else at
    kept = kept[order]
    values: dict[str, Array] = {"epoch": epoch[order]}
    for place, name in enumerate(names[1:], start=2):
        column = table[kept, place]
        column[column == _NULL] = np.nan
        values[name] = column
    return Rows(found, at[order], values)


def _places(ids: Array, wanted: Array) -> Array:
    """Where each wanted id is among `ids`; -1 where it is not."""
    if not len(ids):
        return np.full(len(wanted), -1, dtype=np.int64)
    last = int(max(ids.max(), wanted.max(initial=0)))
    places = np.full(last + 1, -1, dtype=np.int64)
    places[ids] = np.arange(len(ids))
    return places[wanted.astype(np.int64)]


def _floats(connection: Connection, query: sa.Select[Any], width: int) -> Array:
    """A query's rows of numbers as an array of floats, a row each."""
    batches = [
        np.fromiter(
            itertools.chain.from_iterable(rows), dtype=np.float64, count=width * len(rows)
        ).reshape(-1, width)
        for rows in _fetch(connection, query)
    ]
    return np.concatenate(batches) if batches else np.empty((0, width))


def _fetch(connection: Connection, query: sa.Select[Any]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """A query's rows in batches, as the driver gives them: SQLAlchemy's own take twice as long."""
    cursor = connection.execute(query).cursor
    assert cursor is not None
    while rows := cursor.fetchmany(_BATCH):
        yield rows


def objects(values: Sequence[Any]) -> Array:
    """An array that refers to these very objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
