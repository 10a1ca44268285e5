"""Metrics by name: ours, and third parties' by the entry-point group `lemur2.metrics`."""

from __future__ import annotations

from lemur2.metrics.base import Metric
from lemur2.metrics.classification import Accuracy, BalancedAccuracy, MacroF1, MeanIoU, TopFive
from lemur2.metrics.perplexity import Perplexity
from lemur2.registry import Registry

BUILTIN: tuple[type[Metric], ...] = (
    Accuracy,
    BalancedAccuracy,
    MacroF1,
    TopFive,
    MeanIoU,
    Perplexity,
)

_METRICS: Registry[Metric] = Registry(
    "metric",
    Metric,  # type: ignore[type-abstract]
    "lemur2.metrics",
    {each.name: each for each in BUILTIN},
)


def metric_names() -> tuple[str, ...]:
    """Names of all registered metrics."""
    return _METRICS.names()


def metric_classes() -> dict[str, type[Metric]]:
    """All metrics by name; a warning for each that cannot be loaded."""
    return _METRICS.classes()


def metric(name: str) -> Metric:
    """A new metric, reset.

    Raises:
        UsageError: There is none of that name; the message names the closest ones.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    return _METRICS.find(name)()


def find_metric(name: str) -> type[Metric] | None:
    """The class of a metric; None where nothing of that name is installed.

    Raises:
        UserError: An installed package announces it, but it cannot be loaded.
    """
    return _METRICS.find(name) if name in metric_names() else None
