"""Mean learning curves of fixed cohorts, with intervals over networks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lemur2.statistics.intervals import LEVEL


def cohort(histories: pd.DataFrame, length: int) -> pd.DataFrame:
    """Epochs 1 to `length` of the trials that have them all.

    A mean over whoever is left at an epoch would rise merely because weak trials stop early;
    in a cohort every epoch has the same trials.
    """
    kept = histories[histories["epoch"].between(1, length)]
    complete = kept.groupby("trial")["epoch"].transform("size") == length
    return kept[complete]


def learning_curves(histories: pd.DataFrame, by: str = "family") -> pd.DataFrame:
    """Mean score per group and epoch.

    A network's trials are averaged first: they are not independent, and some networks have
    hundreds. The mean and its 95% Student interval are over networks.

    Args:
        histories: nn, epoch, score and the column `by`; best a `cohort`.

    Returns:
        by, epoch, mean, low, high (NaN where there is one network), networks.
    """
    from scipy.special import stdtrit

    per_network = histories.groupby([by, "nn", "epoch"])["score"].mean()
    table = per_network.groupby([by, "epoch"]).agg(["mean", "std", "size"]).reset_index()
    n = table.pop("size").to_numpy()
    spread = table.pop("std").to_numpy()
    quantile = stdtrit(np.maximum(n - 1, 1), 0.5 + LEVEL / 2)
    half = np.where(n > 1, quantile * spread / np.sqrt(n), np.nan)
    table["low"], table["high"] = table["mean"] - half, table["mean"] + half
    table["networks"] = n
    return table


def longest_cohort(histories: pd.DataFrame, least: int = 3) -> int:
    """The greatest epoch that at least `least` trials reached; 0 where none did."""
    last = histories.groupby("trial")["epoch"].max()
    reached = last.value_counts().sort_index(ascending=False).cumsum()
    enough = reached.index[reached >= least]
    return int(enough.max()) if len(enough) else 0
