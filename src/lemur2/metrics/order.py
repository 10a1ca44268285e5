"""Which of two scores is the better one. Nothing else in the package decides that.

Scores are stored and shown as their metric gives them; where they are compared, they are compared
as gains (more is better) or as losses (less is better). A metric that is not installed here, such
as that of an imported corpus, counts as one where higher is better: that is the field's convention.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

import numpy as np

from lemur2.metrics.registry import find_metric


@cache
def higher_is_better(name: str) -> bool:
    """Whether the greater of two scores by a metric is the better one; True of unknown metrics.

    Raises:
        UserError: An installed package announces the metric, but it cannot be loaded.
    """
    found = find_metric(name)
    return found is None or found.higher_is_better


def sign(name: str) -> int:
    """What makes a gain of a score by a metric: 1 where higher is better, else -1."""
    return 1 if higher_is_better(name) else -1


def signs(names: Iterable[str]) -> np.ndarray:
    """The sign of each metric, shape (n,); each metric is looked up once."""
    listed = list(names)
    known = {name: sign(name) for name in dict.fromkeys(listed)}
    return np.array([known[name] for name in listed], dtype=np.int64)


def loss(score: float | None, name: str) -> float:
    """A score by a metric as something to be small, the order to sort by.

    Infinite where there is no score (None or NaN): that is worse than any.
    """
    if score is None or math.isnan(score):
        return math.inf
    return -sign(name) * score


def best_of(scores: Iterable[float], name: str) -> float:
    """The best of some scores by a metric; NaN where there are none but NaN."""
    return min(scores, key=lambda score: loss(score, name), default=math.nan)
