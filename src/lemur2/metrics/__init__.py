"""Metrics: predictions and targets in, a score in [0, 1] out. Imports no torch."""

from lemur2.metrics.base import Metric
from lemur2.metrics.order import best_of, higher_is_better, loss, sign, signs
from lemur2.metrics.perplexity import perplexity_to_score, score_to_perplexity
from lemur2.metrics.registry import metric, metric_classes, metric_names

__all__ = [
    "Metric",
    "best_of",
    "higher_is_better",
    "loss",
    "metric",
    "metric_classes",
    "metric_names",
    "perplexity_to_score",
    "score_to_perplexity",
    "sign",
    "signs",
]
