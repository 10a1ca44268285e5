"""Rows as a pandas DataFrame, whose rows share their strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from lemur2.corpus.db import codec
from lemur2.corpus.query.scan import TEXTS, Array, Rows, objects

Hyperparameters = Literal["dict", "columns"]


def frame(rows: Rows, wanted: Sequence[str], hyperparameters: Hyperparameters) -> pd.DataFrame:
    """The wanted columns (of `query.COLUMNS`) of rows."""
    made: dict[str, Any] = {}
    for name in wanted:
        if name == "prm" and hyperparameters == "columns":
            made.update(_prm_columns(rows))
        else:
            made[name] = _column(rows, name)
    return pd.DataFrame(made, index=pd.RangeIndex(len(rows)))


def _column(rows: Rows, name: str) -> Any:
    if name in TEXTS:
        text = rows.trials.text(name)
        # dtype object: rows keep sharing one string each; pandas' own string type would copy them.
        return pd.Series(objects(text.values)[text.codes[rows.at]], dtype=object)
    if name == "prm":
        dicts = prm_dicts(rows)
        return pd.Series(objects([dicts[at].copy() for at in rows.at.tolist()]), dtype=object)
    if name == "trial":
        return rows.trials.ids["trial"][rows.at]
    if name == "seed":
        return pd.Series(pd.array(rows.trials.detail("seed"), dtype="Int64")[rows.at])
    if name == "test_score":
        return rows.trials.detail("test_score").astype(np.float64)[rows.at]
    values = rows.epochs[name]
    if name == "memory":
        return pd.Series(values).astype("Int64")
    return values


def prm_dicts(rows: Rows) -> list[dict[str, Any]]:
    """The hyperparameters of each trial."""
    parsed: dict[str, dict[str, Any]] = {}
    columns = {name: rows.trials.detail(name).tolist() for name in codec.COLUMNS}
    made = []
    for index, text in enumerate(rows.trials.detail("prm").tolist()):
        rest = parsed.get(text)
        if rest is None:
            rest = parsed[text] = codec.told(text)
        prm = {name: values[index] for name, values in columns.items()}
        made.append(codec.join_hyperparameters(prm, rest))
    return made


def _prm_columns(rows: Rows) -> dict[str, pd.Series]:
    return {
        f"prm_{name}": pd.Series(values).infer_objects().take(rows.at).reset_index(drop=True)
        for name, values in prm_values(rows, np.nan).items()
    }


def prm_values(rows: Rows, missing: Any) -> dict[str, Array]:
    """For each hyperparameter that occurs its value in every trial."""
    dicts = prm_dicts(rows)
    names = dict.fromkeys(name for prm in dicts for name in prm)
    return {name: objects([prm.get(name, missing) for prm in dicts]) for name in names}
