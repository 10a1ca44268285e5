"""Rows of the database as arrays, and arrays as a DataFrame whose rows share their strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus import codec
from lemur2.corpus.schema import architectures, benchmarks, epochs, sources, transforms, trials

# Every column that a frame can have.
COLUMNS = (
    "task",
    "dataset",
    "metric",
    "nn",
    "family",
    "nn_code",
    "transform",
    "transform_code",
    "epoch",
    "accuracy",
    "loss",
    "duration",
    "memory",
    "prm",
    "seed",
    "verdict",
    "test_score",
    "trial",
)
_BATCH = 20_000  # rows fetched at a time: bounds what is held as Python objects
_FEW = 500  # ids in one IN (...): databases limit how many parameters a statement may have

# What is read of each row; everything else is looked up by id.
READ = (
    ("trial", trials.c.id),
    ("architecture", trials.c.architecture_id),
    ("benchmark", trials.c.benchmark_id),
    ("transform", trials.c.transform_id),
    ("seed", trials.c.seed),
    ("lr", trials.c.lr),
    ("batch", trials.c.batch),
    ("momentum", trials.c.momentum),
    ("dropout", trials.c.dropout),
    ("prm", trials.c.prm),
    ("verdict", trials.c.verdict),
    ("test_score", trials.c.test_score),
    ("epoch", epochs.c.epoch),
    ("accuracy", epochs.c.score),
    ("loss", epochs.c.loss),
    ("duration", epochs.c.seconds),
    ("memory", epochs.c.memory),
)
_FLOATS = ("lr", "momentum", "dropout", "test_score", "accuracy", "loss", "duration")
_OBJECTS = ("seed", "batch", "prm", "verdict", "memory")


def fetch(connection: Connection, query: sa.Select[Any]) -> dict[str, np.ndarray]:
    """The rows of a query for `READ`, sorted, one array per column; floats have NaN for NULL."""
    batches: list[list[np.ndarray]] = []
    result = connection.execute(query.execution_options(yield_per=_BATCH))
    for rows in result.partitions():
        batches.append(
            [
                _array(name, values)
                for (name, _), values in zip(READ, zip(*rows, strict=True), strict=True)
            ]
        )
    if not batches:
        return {name: _array(name, ()) for name, _ in READ}
    parts = zip(*batches, strict=True)
    return _sorted(
        connection,
        {name: np.concatenate(part) for (name, _), part in zip(READ, parts, strict=True)},
    )


def _sorted(connection: Connection, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By names, trial and epoch: an order that does not depend on when what was stored."""
    ranks = [
        _rank(_lookup(connection, benchmarks, name, rows["benchmark"]))
        for name in ("metric", "dataset", "task")
    ]
    nn = _rank(_lookup(connection, architectures, "name", rows["architecture"]))
    order = np.lexsort((rows["epoch"], rows["trial"], *ranks, nn))
    return {name: values[order] for name, values in rows.items()}


def _rank(names: np.ndarray) -> np.ndarray:
    place = {name: place for place, name in enumerate(sorted(set(names)))}
    return np.array([place[name] for name in names], dtype=np.int64)


def _array(name: str, values: Sequence[Any]) -> np.ndarray:
    if name in _FLOATS:
        return np.array(values, dtype=np.float64)
    if name in _OBJECTS:
        return _objects(values)
    return np.array(values, dtype=np.int64)


def _objects(values: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _lookup(connection: Connection, table: sa.Table, column: str, ids: np.ndarray) -> np.ndarray:
    """A column of the table for every id, read once for each; rows share their values."""
    unique, inverse = np.unique(ids, return_inverse=True)
    found = _values(connection, sa.select(table.c.id, table.c[column]), table, unique)
    return _objects([found[key] for key in unique.tolist()])[inverse]


def _code(connection: Connection, table: sa.Table, ids: np.ndarray) -> np.ndarray:
    """Source texts, read and decoded once for every id that occurs."""
    unique, inverse = np.unique(ids, return_inverse=True)
    query = sa.select(table.c.id, sources.c.text).join(sources, sources.c.id == table.c.source_id)
    found = _values(connection, query, table, unique)
    return _objects([codec.decode_text(found[key]) for key in unique.tolist()])[inverse]


def _values(
    connection: Connection, query: sa.Select[Any], table: sa.Table, ids: np.ndarray
) -> dict[int, Any]:
    """What the query gives by id: for a few ids those, else for the whole table."""
    if len(ids) <= _FEW:
        query = query.where(table.c.id.in_(ids.tolist()))
    return dict(connection.execute(query).tuples().all())


def frame(
    connection: Connection,
    rows: dict[str, np.ndarray],
    wanted: Sequence[str],
    hyperparameters: Literal["dict", "columns"],
) -> pd.DataFrame:
    """The wanted columns (of `COLUMNS`) of fetched rows."""
    made: dict[str, Any] = {}
    for name in wanted:
        if name == "prm" and hyperparameters == "columns":
            made.update(_prm_columns(_prm_dicts(rows)))
        else:
            made[name] = _column(connection, rows, name)
    return pd.DataFrame(made, index=pd.RangeIndex(len(rows["trial"])))


def _column(connection: Connection, rows: dict[str, np.ndarray], name: str) -> Any:
    if name in ("task", "dataset", "metric"):
        return _text(_lookup(connection, benchmarks, name, rows["benchmark"]))
    if name in ("nn", "family"):
        column = "name" if name == "nn" else name
        return _text(_lookup(connection, architectures, column, rows["architecture"]))
    if name == "transform":
        return _text(_lookup(connection, transforms, "name", rows["transform"]))
    if name == "nn_code":
        return _text(_code(connection, architectures, rows["architecture"]))
    if name == "transform_code":
        return _text(_code(connection, transforms, rows["transform"]))
    if name == "verdict":
        return _text(rows["verdict"])
    if name == "prm":
        return pd.Series(_objects(_prm_dicts(rows)), dtype=object)
    if name in ("seed", "memory"):
        return pd.Series(pd.array(rows[name], dtype="Int64"))
    return rows[name]


def _text(values: np.ndarray) -> pd.Series:
    # dtype object: rows keep sharing one string each; pandas' own string type would copy them.
    return pd.Series(values, dtype=object)


def _prm_dicts(rows: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """The hyperparameters of every row, a dict of its own each."""
    parsed: dict[str, dict[str, Any]] = {}
    floats = {name: _nullable(rows[name]) for name in ("lr", "momentum", "dropout")}
    made = []
    for index, text in enumerate(rows["prm"]):
        rest = parsed.get(text)
        if rest is None:
            rest = parsed[text] = codec.from_json(text)
        made.append(
            codec.join_hyperparameters(
                {
                    "lr": floats["lr"][index],
                    "batch": rows["batch"][index],
                    "momentum": floats["momentum"][index],
                    "dropout": floats["dropout"][index],
                },
                rest,
            )
        )
    return made


def _nullable(values: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _prm_columns(dicts: Sequence[Mapping[str, Any]]) -> dict[str, pd.Series]:
    names = dict.fromkeys(name for prm in dicts for name in prm)
    return {
        f"prm_{name}": pd.Series([prm.get(name, np.nan) for prm in dicts]).infer_objects()
        for name in names
    }
