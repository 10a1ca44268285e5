"""The best row of every group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lemur2.corpus.query.scan import Array, Rows, Trials
from lemur2.metrics import signs


def best_rows(rows: Rows, group_by: Sequence[str]) -> Rows:
    """Of every group the best score, then the earliest epoch, then the trial stored first.

    Which score is best is the metric's to say (see `lemur2.metrics.order`). Where a group has
    several metrics, those where lower is better come after the others. Rows without a score belong
    to no group. The order of rows is kept.
    """
    rows = rows.take(~np.isnan(rows.epochs["accuracy"]))
    if not len(rows):
        return rows
    group = _groups(rows, group_by)
    gain, epoch = _gains(rows), rows.epochs["epoch"]
    highest = np.full(group.max() + 1, -np.inf)
    np.maximum.at(highest, group, gain)
    candidates = np.flatnonzero(gain == highest[group])  # few: one a group, and its equals
    trial = rows.trials.ids["trial"][rows.at[candidates]]
    order = np.lexsort((trial, epoch[candidates], group[candidates]))
    _, first = np.unique(group[candidates][order], return_index=True)
    return rows.take(np.sort(candidates[order[first]]))


def _gains(rows: Rows) -> Array:
    """The score of every row as something where more is better."""
    metric = rows.trials.text("metric")
    of_metric = signs(str(name) for name in metric.values)
    return of_metric[metric.codes][rows.at] * rows.epochs["accuracy"]


def _groups(rows: Rows, group_by: Sequence[str]) -> Array:
    """The group of every row, counted from 0."""
    of_trial = np.zeros(len(rows.trials), dtype=np.int64)
    for name in group_by:
        if name != "epoch":
            of_trial = _combined(of_trial, _codes(rows.trials, name))
    groups = of_trial[rows.at]
    return _combined(groups, rows.epochs["epoch"]) if "epoch" in group_by else groups


def _codes(trials: Trials, name: str) -> Array:
    if name != "seed":
        return trials.text(name).codes
    seeds = trials.detail("seed").tolist()
    place = {seed: index for index, seed in enumerate(dict.fromkeys(seeds))}
    return np.array([place[seed] for seed in seeds], dtype=np.int64)


def _combined(one: Array, two: Array) -> Array:
    """A number for each pair of numbers, both not negative; as small as the pairs are few."""
    pairs = one * (two.max(initial=0) + 1) + two
    return np.unique(pairs, return_inverse=True)[1]
