"""95% intervals of means and medians. Of shares: `lemur2.corpus.funnel.wilson`."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

LEVEL = 0.95
_CELLS = 4_000_000  # resampled values held at a time: 32 MB


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Student's t interval of the mean of independent values; NaN for fewer than two."""
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    from scipy.special import stdtrit

    centre = float(np.mean(values))
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2) * np.std(values, ddof=1) / math.sqrt(n))
    return centre - half, centre + half


def bootstrap_interval(
    values: np.ndarray,
    of: Literal["mean", "median"] = "mean",
    *,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile bootstrap interval; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resample(values, of, draws=draws, seed=seed), [tail, 1 - tail])
    return float(low), float(high)


def resample(
    values: np.ndarray,
    of: Literal["mean", "median"] = "mean",
    *,
    draws: int = 2000,
    seed: int = 0,
) -> np.ndarray:
    """The statistic of `draws` resamples with replacement, each as long as `values`."""
    statistic = np.mean if of == "mean" else np.median
    random = np.random.default_rng(seed)
    step = max(1, _CELLS // max(1, len(values)))
    parts = []
    for start in range(0, draws, step):
        count = min(step, draws - start)
        chosen = random.integers(0, len(values), size=(count, len(values)))
        parts.append(statistic(values[chosen], axis=1))
    return np.concatenate(parts)
