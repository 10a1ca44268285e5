"""Perplexity as a score in [0, 1] (section 2 of the paper's supplement, equations 1 and 2)."""

from __future__ import annotations

import math

import numpy as np

from lemur2.metrics.base import Metric

P_MIN = 1.0  # certain of every character
P_MAX = 1000.0  # scored 0, as is anything worse


def perplexity_to_score(perplexity: float) -> float:
    """Equation 1: 1 at a perplexity of 1, falling with its logarithm to 0 at 1,000 and beyond.

    NaN stays NaN: a failure is no score.
    """
    if math.isnan(perplexity):
        return perplexity
    span = math.log(P_MAX) - math.log(P_MIN)
    return min(1.0, max(0.0, 1.0 - (math.log(perplexity) - math.log(P_MIN)) / span))


def score_to_perplexity(score: float) -> float:
    """Equation 2, the way back: exact for scores strictly between 0 and 1."""
    span = math.log(P_MAX) - math.log(P_MIN)
    return math.exp(math.log(P_MIN) + (1.0 - score) * span)


def cross_entropy(scores: np.ndarray, targets: np.ndarray) -> float:
    """Mean negative log-likelihood, in nats, of targets (...) under scores (..., V)."""
    shifted = scores.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(shifted, targets[..., None].astype(np.int64), axis=-1)[..., 0]
    return float((np.log(np.exp(shifted).sum(axis=-1)) - chosen).mean())


class Perplexity(Metric):
    """Equation 1 of exp(mean negative log-likelihood of the targets)."""

    name = "ppl"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything seen so far."""
        self._loss = 0.0
        self._seen = 0

    def update(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Take one batch: unnormalised scores (..., V), targets (...)."""
        self._loss += cross_entropy(outputs, targets) * targets.size
        self._seen += targets.size

    def result(self) -> float:
        """The score; NaN where there were no positions."""
        if not self._seen:
            return float("nan")
        mean = self._loss / self._seen
        return perplexity_to_score(math.exp(min(mean, math.log(P_MAX))))
