"""The `alt-nn<n>` networks: made from n examples each."""

from __future__ import annotations

import pandas as pd

PATTERN = r"^alt-nn\d+$"


def few_shot(trials: pd.DataFrame) -> pd.DataFrame:
    """The few-shot networks' accuracies.

    Returns:
        A row per network and data set: group (`alt-nn3`), nn, dataset, best and first (the
        highest accuracies at any epoch and after the first, over its trials).
    """
    chosen = trials["family"].str.fullmatch(PATTERN) & (trials["metric"] == "acc")
    found = trials[chosen]
    scores = found.groupby(["family", "nn", "dataset"])[["best", "first"]].max()
    return scores.reset_index().rename(columns={"family": "group"})


def mean_matrices(found: pd.DataFrame, score: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means and counts of a score by group (rows) and data set (columns)."""
    known = found[found[score].notna()]
    by = known.groupby(["group", "dataset"])[score]
    return by.mean().unstack(), by.size().unstack()
