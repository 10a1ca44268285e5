"""Dataset-balanced against naive averages (section 14.6 of the paper's supplement).

Groups that were tried on different mixes of data sets cannot be compared by their plain mean: an
easy data set with many networks lifts it. The balanced mean gives every data set one vote.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lemur2.statistics.intervals import LEVEL, resample


def naive_mean(found: pd.DataFrame, score: str = "score") -> float:
    """The mean of all rows."""
    return float(found[score].mean())


def balanced_mean(found: pd.DataFrame, score: str = "score") -> float:
    """The mean of the data sets' means (column `dataset`)."""
    return float(found.groupby("dataset")[score].mean().mean())


def balanced_interval(
    found: pd.DataFrame, score: str = "score", *, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """A percentile bootstrap 95% interval, networks resampled within each data set.

    NaN where a data set has a single network: its own spread is then not known.
    """
    parts = [values.to_numpy() for _, values in found.groupby("dataset")[score]]
    if not parts or min(map(len, parts)) < 2:
        return math.nan, math.nan
    means = [
        resample(values, draws=draws, seed=seed + number) for number, values in enumerate(parts)
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.mean(means, axis=0), [tail, 1 - tail])
    return float(low), float(high)


def balance(found: pd.DataFrame, by: str, score: str = "score") -> pd.DataFrame:
    """Both averages for every group.

    Args:
        found: A row per network and data set: `by`, `dataset`, `score`, `nn`.

    Returns:
        by, networks, rows, datasets, balanced, low, high, naive, inflation (naive - balanced).
    """
    rows = []
    for group, part in found.groupby(by):
        balanced, naive = balanced_mean(part, score), naive_mean(part, score)
        counts = part["nn"].nunique(), len(part), part["dataset"].nunique()
        rows.append((group, *counts, balanced, *balanced_interval(part, score), naive))
    columns = [by, "networks", "rows", "datasets", "balanced", "low", "high", "naive"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(inflation=table["naive"] - table["balanced"])
