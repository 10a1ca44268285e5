"""Rows as a pandas DataFrame, whose rows share their strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from lemur2.corpus import codec
from lemur2.corpus.scan import TEXTS, Array, Rows, objects

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
        return rows.trials.columns["trial"][rows.at]
    if name == "seed":
        return pd.Series(pd.array(rows.trials.columns["seed"], dtype="Int64")[rows.at])
    if name == "test_score":
        return rows.trials.columns["test_score"].astype(np.float64)[rows.at]
    values = rows.epochs[name]
    if name == "memory":
        return pd.Series(values).astype("Int64")
    return values


def prm_dicts(rows: Rows) -> dict[int, dict[str, Any]]:
    """The hyperparameters of each trial that has a row, by the trial's place."""
    parsed: dict[str, dict[str, Any]] = {}
    places = np.unique(rows.at)
    columns = {name: rows.trials.columns[name][places].tolist() for name in codec.COLUMNS}
    texts = rows.trials.columns["prm"][places].tolist()
    made = {}
    for index, (place, text) in enumerate(zip(places.tolist(), texts, strict=True)):
        rest = parsed.get(text)
        if rest is None:
            rest = parsed[text] = codec.from_json(text)
        prm = {name: values[index] for name, values in columns.items()}
        made[place] = codec.join_hyperparameters(prm, rest)
    return made


def _prm_columns(rows: Rows) -> dict[str, pd.Series]:
    of_trials, index = prm_values(rows, np.nan)
    return {
        f"prm_{name}": pd.Series(values).infer_objects().take(index).reset_index(drop=True)
        for name, values in of_trials.items()
    }


def prm_values(rows: Rows, missing: Any) -> tuple[dict[str, Array], Array]:
    """For each hyperparameter that occurs its value in every trial; each row's place in these."""
    dicts = prm_dicts(rows)
    places = np.fromiter(dicts, dtype=np.int64, count=len(dicts))
    names = dict.fromkeys(name for prm in dicts.values() for name in prm)
    values = {name: objects([prm.get(name, missing) for prm in dicts.values()]) for name in names}
    return values, np.searchsorted(places, rows.at)
