"""Metrics: predictions and targets in, a score in [0, 1] out."""

from lemur2.metrics.base import Metric

__all__ = ["Metric"]
