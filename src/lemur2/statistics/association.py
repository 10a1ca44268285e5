"""Rank correlations: of hyperparameters with scores, of first epochs with final ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lemur2.metrics import sign
from lemur2.statistics.intervals import LEVEL

LEAST = 20  # pairs; fewer say too little to be drawn


@dataclass(frozen=True, kw_only=True)
class Association:
    """A rank correlation.

    Attributes:
        value: In [-1, 1]; NaN where a side is constant or there are fewer than 4 pairs.
        low, high: Its 95% interval.
        n: Pairs.
    """

    value: float
    low: float
    high: float
    n: int


def spearman(x: np.ndarray, y: np.ndarray) -> Association:
    """Spearman's rho, ties by mean ranks; the interval by Fisher's z.

    The variance of z is Bonett and Wright's (1 + rho^2 / 2) / (n - 3) (Psychometrika 65, 2000),
    which holds for ranks where 1 / (n - 3) is too small.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    n = len(x)
    if n < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Association(value=math.nan, low=math.nan, high=math.nan, n=n)
    ranks = pd.Series(x).rank().to_numpy(), pd.Series(y).rank().to_numpy()
    rho = float(np.clip(np.corrcoef(*ranks)[0, 1], -1, 1))
    if abs(rho) == 1:
        return Association(value=rho, low=rho, high=rho, n=n)
    from scipy.special import ndtri

    half = float(ndtri(0.5 + LEVEL / 2)) * math.sqrt((1 + rho * rho / 2) / (n - 3))
    z = math.atanh(rho)
    return Association(value=rho, low=math.tanh(z - half), high=math.tanh(z + half), n=n)


def kendall(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b in O(n log n); NaN as for `spearman`."""
    from scipy.stats import kendalltau

    known = ~(np.isnan(x) | np.isnan(y))
    if known.sum() < 4:
        return math.nan
    return float(kendalltau(x[known], y[known]).statistic)


def top_overlap(x: np.ndarray, y: np.ndarray, share: float = 0.1) -> float:
    """Of the top `share` by y, how much is in the top `share` by x; by chance it is `share`."""
    known = np.flatnonzero(~(np.isnan(x) | np.isnan(y)))
    count = round(share * len(known))
    if not count:
        return math.nan
    first, second = (
        set(known[np.argsort(-values[known], kind="stable")[:count]]) for values in (x, y)
    )
    return len(first & second) / count


def hyperparameter_correlations(
    trials: pd.DataFrame, names: Iterable[str], score: str = "best"
) -> pd.DataFrame:
    """Spearman's rho of each hyperparameter with the score, per benchmark.

    Networks differ in what they reach and in how they were tried, which can feign or hide a
    correlation. So there are two: `pooled` over all trials, and `within`, of percentiles among
    the trials of the same network (networks with 5 trials or more), of both the hyperparameter
    and the score: what differs between networks has no part in it.

    Returns:
        benchmark, hyperparameter, kind (`pooled` or `within`), rho, low, high, n, networks; only
        where there are `LEAST` pairs and both sides vary.
    """
    rows = []
    for benchmark, found in trials.groupby("benchmark"):
        for name in names:
            pooled = found.loc[found[name].notna() & found[score].notna(), ["nn", name, score]]
            for kind, known in (("pooled", pooled), ("within", _within(pooled))):
                if len(known) >= LEAST:
                    pair = known[name].to_numpy(), known[score].to_numpy()
                    rows.append(_row(benchmark, name, kind, spearman(*pair), known))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table[table["rho"].notna()].reset_index(drop=True)


_COLUMNS = ["benchmark", "hyperparameter", "kind", "rho", "low", "high", "n", "networks"]


def _within(known: pd.DataFrame, least: int = 5) -> pd.DataFrame:
    """The numbers as percentiles among their own network's."""
    sizes = known.groupby("nn")["nn"].transform("size")
    kept = known[sizes >= least]
    return kept.groupby("nn").rank(pct=True).assign(nn=kept["nn"])


def _row(
    benchmark: object, name: str, kind: str, found: Association, known: pd.DataFrame
) -> tuple[object, ...]:
    networks = known["nn"].nunique()
    return benchmark, name, kind, found.value, found.low, found.high, found.n, networks


def first_against_final(trials: pd.DataFrame, least_epochs: int = 2) -> pd.DataFrame:
    """How well the score after epoch 1 ranks trials as their last epoch does, per benchmark.

    Returns:
        benchmark, rho, low, high, tau, top_tenth (how much of the final top tenth the first
        epoch's top tenth has), n (trials of `least_epochs` or more), networks, epochs (the
        median of the last epoch).
    """
    rows = []
    long = trials[(trials["last_epoch"] >= least_epochs) & trials["first"].notna()]
    for benchmark, found in long.groupby("benchmark"):
        first, final = found["first"].to_numpy(), found["final"].to_numpy()
        rho = spearman(first, final)
        way = sign(str(found["metric"].iloc[0]))
        tau, overlap = kendall(first, final), top_overlap(way * first, way * final)
        counts = len(found), found["nn"].nunique(), float(found["last_epoch"].median())
        rows.append((benchmark, rho.value, rho.low, rho.high, tau, overlap, *counts))
    columns = ["benchmark", "rho", "low", "high", "tau", "top_tenth", "n", "networks", "epochs"]
    return pd.DataFrame(rows, columns=columns)
