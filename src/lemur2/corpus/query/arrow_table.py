"""Rows as an Arrow table: texts as dictionaries, no Python object per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lemur2.corpus.db import codec
from lemur2.corpus.db.tables import require_pyarrow
from lemur2.corpus.query.frame import Hyperparameters, prm_dicts, prm_values
from lemur2.corpus.query.scan import TEXTS, Rows

if TYPE_CHECKING:
    import pyarrow as pa


def table(rows: Rows, wanted: Sequence[str], hyperparameters: Hyperparameters) -> pa.Table:
    """The wanted columns (of `query.COLUMNS`) of rows."""
    pa = require_pyarrow()
    made: dict[str, Any] = {}
    for name in wanted:
        if name == "prm" and hyperparameters == "columns":
            for key, values in prm_values(rows, None).items():
                made[f"prm_{key}"] = _values(pa, values.tolist()).take(pa.array(rows.at))
        else:
            made[name] = _column(pa, rows, name)
    return pa.table(made)


def _column(pa: Any, rows: Rows, name: str) -> Any:
    if name in TEXTS:
        text = rows.trials.text(name)
        return _dictionary(pa, text.codes[rows.at], text.values)
    if name == "prm":
        texts = [codec.to_json(prm) for prm in prm_dicts(rows)]
        return _dictionary(pa, rows.at, texts)
    if name == "trial":
        return pa.array(rows.trials.ids[name][rows.at])
    if name in ("seed", "test_score"):
        kind = pa.float64() if name == "test_score" else pa.int64()
        return pa.array(rows.trials.detail(name).tolist(), kind).take(pa.array(rows.at))
    values = rows.epochs[name]
    if name == "memory":
        return pa.array(values, from_pandas=True).cast(pa.int64())
    return pa.array(values, from_pandas=True)  # NaN, which is a missing score, becomes null


def _dictionary(pa: Any, codes: Any, values: Sequence[str | None]) -> Any:
    nulls = values[:1] == [None]
    indices = pa.array(codes - 1 if nulls else codes, pa.int32(), mask=codes < 1 if nulls else None)
    texts = [text for text in values if text is not None]
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))


def _values(pa: Any, values: list[Any]) -> Any:
    """Numbers as numbers; where types are mixed, each value as JSON."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value is None or abs(value) < 1 << 63 for value in values):
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values])
    if kinds in ({bool}, {str}):
        return pa.array(values)
    return pa.array([None if value is None else codec.to_json(value) for value in values])
