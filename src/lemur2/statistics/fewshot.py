"""The `alt-nn<n>` networks: made from n examples each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from lemur2.corpus.funnel import Stage
from lemur2.statistics.material import Material

PATTERN = r"alt-nn\d+"


def _of(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[trials["family"].str.fullmatch(PATTERN) & (trials["metric"] == "acc")]


def few_shot(trials: pd.DataFrame) -> pd.DataFrame:
    """The few-shot networks' accuracies.

    Returns:
        A row per network and data set: group (`alt-nn3`), nn, dataset, best and first (the
        highest accuracies at any epoch and after the first, over its trials).
    """
    scores = _of(trials).groupby(["family", "nn", "dataset"])[["best", "first"]].max()
    return scores.reset_index().rename(columns={"family": "group"})


def few_shot_success(families: Mapping[str, Sequence[Stage]]) -> pd.DataFrame:
    """How many of what was asked for with n examples are networks (table 9 of the paper).

    The paper relates n to n = 1, whose rate it sets to 100%; here every rate is of the n's own
    attempts, failures included.

    Args:
        families: Per prefix of names, how far its candidates got.

    Returns:
        A row per group and stage: group (`alt-nn3`), n (examples), stage, count, asked, share, low,
        high (95%, Wilson).
    """
    rows = [
        (group, int(group.removeprefix("alt-nn")), s.stage, s.count, s.n, s.share, s.low, s.high)
        for group, stages in families.items()
        if re.fullmatch(PATTERN, group)
        for s in stages
    ]
    columns = ["group", "n", "stage", "count", "asked", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns).sort_values("n", kind="stable", ignore_index=True)


def few_shot_epochs(material: Material) -> pd.DataFrame:
    """Every recorded epoch of few-shot networks: group, nn, dataset, score."""
    trials = _of(material.ranked)
    found = material.epochs[material.epochs["trial"].isin(trials.index)]
    named = found.join(trials[["family", "nn", "dataset"]], on="trial")
    return named.rename(columns={"family": "group"})[["group", "nn", "dataset", "score"]]


def mean_matrices(found: pd.DataFrame, score: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means and counts of a score by group (rows) and data set (columns)."""
    known = found[found[score].notna()]
    by = known.groupby(["group", "dataset"])[score]
    return by.mean().unstack(), by.size().unstack()


def compare_groups(found: pd.DataFrame, score: str, better: str, worse: str) -> pd.DataFrame:
    """Two groups on every data set that both were tried on.

    Returns:
        dataset, better and worse (mean scores), difference, p (Welch's t-test, two-sided, not
        corrected for the number of data sets), n_better, n_worse.
    """
    from scipy.stats import ttest_ind

    rows = []
    for dataset, part in found.groupby("dataset"):
        one, other = (part.loc[part["group"] == group, score].dropna() for group in (better, worse))
        if one.empty or other.empty:
            continue
        enough = min(len(one), len(other)) > 1
        p = float(ttest_ind(one, other, equal_var=False).pvalue) if enough else math.nan
        means = float(one.mean()), float(other.mean())
        rows.append((dataset, *means, means[0] - means[1], p, len(one), len(other)))
    columns = ["dataset", "better", "worse", "difference", "p", "n_better", "n_worse"]
    return pd.DataFrame(rows, columns=columns)
