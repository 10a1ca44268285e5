"""Measures of a corpus, for claims. Each gives None where the corpus has nothing of the kind."""

from __future__ import annotations

import pandas as pd

from lemur2.metrics import best_of
from lemur2.statistics.balance import balance
from lemur2.statistics.fewshot import few_shot, few_shot_epochs
from lemur2.statistics.material import Material
from lemur2.statistics.paper.claim import Measure


def best_of_network(
    nn: str, dataset: str = "cifar-10", metric: str = "acc", *, last: bool = False
) -> Measure:
    """A network's best score; with `last`, the best after the last epoch that is recorded."""

    def measure(material: Material) -> float | None:
        trials = material.ranked
        found = trials[
            (trials["nn"] == nn) & (trials["dataset"] == dataset) & (trials["metric"] == metric)
        ]
        if found.empty:
            return None
        if last:
            longest = found[found["last_epoch"] == found["last_epoch"].max()]
            return best_of(longest["final"], metric) * _percent(metric)
        return best_of(found["best"], metric) * _percent(metric)

    return measure


def best_of_families(
    *families: str,
    dataset: str = "cifar-10",
    metric: str = "acc",
    epochs: tuple[int, int] | None = None,
) -> Measure:
    """The best score of families' networks, within a range of epochs if one is given."""

    def measure(material: Material) -> float | None:
        scores = _scores(material, families, dataset, metric, epochs)
        return None if scores.empty else best_of(scores, metric) * _percent(metric)

    return measure


def mean_of_family(family: str, dataset: str = "cifar-10", *, epoch: int) -> Measure:
    """The mean score of a family's trials after an epoch."""

    def measure(material: Material) -> float | None:
        scores = _scores(material, (family,), dataset, "acc", (epoch, epoch))
        return None if scores.empty else float(scores.mean()) * 100

    return measure


def minutes_of_family(family: str, dataset: str = "cifar-10") -> Measure:
    """Mean minutes per epoch of a family's trials, where they are known."""

    def measure(material: Material) -> float | None:
        trials = material.ranked
        found = trials[(trials["family"] == family) & (trials["dataset"] == dataset)]
        seconds = found["epoch_seconds"].dropna()
        return None if seconds.empty else float(seconds.mean()) / 60

    return measure


def count_networks(pattern: str) -> Measure:
    """Networks whose family matches a regular expression in full."""

    def measure(material: Material) -> float | None:
        count = int(material.networks["family"].str.fullmatch(pattern).sum())
        return float(count) or None

    return measure


def balanced(group: str, score: str = "first") -> Measure:
    """The dataset-balanced mean accuracy of few-shot networks of a group, in %."""

    def measure(material: Material) -> float | None:
        found = few_shot(material.ranked)
        table = balance(found[found["group"] == group], "group", score)
        return None if table.empty else float(table["balanced"].iloc[0]) * 100

    return measure


def balanced_best_group(score: str = "first") -> Measure:
    """The n whose balanced mean is highest, of the groups that cover all data sets."""

    def measure(material: Material) -> float | None:
        table = _complete(balance(few_shot(material.ranked), "group", score))
        if table.empty:
            return None
        leader = table.sort_values("balanced", ascending=False)["group"].iloc[0]
        return float(str(leader).removeprefix("alt-nn"))

    return measure


def largest_inflation(material: Material) -> float | None:
    """How far the naive mean of all recorded epochs exceeds the balanced one, at most, in %."""
    table = _complete(balance(few_shot_epochs(material), "group"))
    return None if table.empty else float(table["inflation"].max()) * 100


def largest_distortion(material: Material) -> float | None:
    """As `largest_inflation`, whichever way the naive mean is off."""
    table = _complete(balance(few_shot_epochs(material), "group"))
    return None if table.empty else float(table["inflation"].abs().max()) * 100


def gain(better: str, worse: str, dataset: str, score: str = "first") -> Measure:
    """Difference of two few-shot groups' mean accuracies on a data set, in points."""

    def measure(material: Material) -> float | None:
        found = few_shot(material.ranked)
        means = found[found["dataset"] == dataset].groupby("group")[score].mean()
        if better not in means or worse not in means:
            return None
        return float(means[better] - means[worse]) * 100

    return measure


def _complete(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["datasets"] == table["datasets"].max()]


def _scores(
    material: Material,
    families: tuple[str, ...],
    dataset: str,
    metric: str,
    epochs: tuple[int, int] | None,
) -> pd.Series:
    trials = material.ranked
    chosen = trials[
        trials["family"].isin(families)
        & (trials["dataset"] == dataset)
        & (trials["metric"] == metric)
    ]
    if epochs is None:
        return chosen["best"]
    found = material.epochs[material.epochs["trial"].isin(chosen.index)]
    return found.loc[found["epoch"].between(*epochs), "score"]


def _percent(metric: str) -> float:
    return 100.0 if metric == "acc" else 1.0
