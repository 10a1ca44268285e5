"""Metrics by name: ours, and those of third parties through the `lemur2.metrics` entry points."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points

from lemur2.errors import UsageError, UserError
from lemur2.metrics.base import Metric
from lemur2.metrics.classification import Accuracy, MeanIoU
from lemur2.metrics.perplexity import Perplexity

BUILTIN: tuple[type[Metric], ...] = (Accuracy, MeanIoU, Perplexity)


@cache
def _registered() -> dict[str, type[Metric]]:
    found = {each.name: each for each in BUILTIN}
    for point in entry_points(group="lemur2.metrics"):
        each = point.load()
        if not (isinstance(each, type) and issubclass(each, Metric)):
            raise UserError(
                f"entry point {point.name!r} of group lemur2.metrics ({point.value}) is not a "
                "Metric class; fix or uninstall the package that declares it"
            )
        found.setdefault(each.name, each)
    return found


def metric_names() -> tuple[str, ...]:
    """Names of all registered metrics."""
    return tuple(_registered())


def metric(name: str) -> Metric:
    """A new metric, reset.

    Raises:
        UsageError: There is none of that name; the message names the closest ones.
    """
    found = _registered()
    if name not in found:
        close = get_close_matches(name, found, n=3) or list(found)
        raise UsageError(f"unknown metric {name!r}; there are: {', '.join(close)}")
    return found[name]()
