"""Rankings, groups, coverage, curves."""

import math

import pandas as pd
import pytest

from lemur2.statistics.curves import cohort, learning_curves, longest_cohort
from lemur2.statistics.fewshot import compare_groups
from lemur2.statistics.ranking import (
    OTHER,
    best_per_network,
    coverage,
    group_medians,
    top,
    with_groups,
)

FILLER = {
    "task": "t",
    "dataset": "d",
    "metric": "acc",
    "benchmark": "d",
    "transform": "echo",
    "lr": 0.1,
    "batch": 1,
    "momentum": 0,
    "dropout": 0,
    "first": 0.1,
    "final": 0.2,
    "last_epoch": 9,
    "epochs": 9,
    "flagged": False,
    "seconds": 1.0,
    "epoch_seconds": 1.0,
}


def trials(*rows: tuple[str, str, float, int]) -> pd.DataFrame:
    """Trials by nn, family, best, best_epoch."""
    names = ("nn", "family", "best", "best_epoch")
    made = [{**FILLER, **dict(zip(names, row, strict=True))} for row in rows]
    return pd.DataFrame(made).rename_axis("trial")


def test_best_per_network_breaks_ties_by_epoch_then_age():
    found = best_per_network(
        trials(("a", "f", 0.5, 3), ("a", "f", 0.9, 4), ("a", "f", 0.9, 2), ("a", "f", 0.9, 2))
    )
    assert found[["nn", "best", "best_epoch", "trial", "trials"]].values.tolist() == [
        ["a", 0.9, 2, 2, 4]
    ]


def test_top_is_sorted_and_cut_per_benchmark():
    rows = [(f"n{number:02}", "f", number / 20, 1) for number in range(15)]
    found = trials(*rows)
    both = pd.concat([found, found.assign(benchmark="e")], ignore_index=True)
    ranking = top(best_per_network(both.rename_axis("trial")), 10)
    assert ranking["benchmark"].value_counts().to_dict() == {"d": 10, "e": 10}
    assert ranking["rank"].tolist() == [*range(1, 11)] * 2
    assert ranking["nn"].tolist()[:2] == ["n14", "n13"]


def test_equal_scores_are_ordered_by_epochs_then_name():
    found = best_per_network(trials(("b", "f", 0.5, 2), ("a", "f", 0.5, 2), ("c", "f", 0.5, 1)))
    assert found["nn"].tolist() == ["c", "a", "b"]


def test_small_families_are_one_group():
    rows = [(f"x{number}", "large", 0.1 * number, 1) for number in range(5)]
    best = best_per_network(trials(*rows, ("y", "small", 0.9, 1), ("z", "tiny", 0.7, 1)))
    table = group_medians(best, with_groups(best, 5)).set_index("group")
    assert table.index.tolist() == [OTHER, "large"]
    assert table.loc["large", ["networks", "median", "low", "high", "best"]].tolist() == (
        pytest.approx([5, 0.2, 0.1, 0.3, 0.4])
    )
    assert table.loc[OTHER, "median"] == pytest.approx(0.8)


def test_coverage_counts_flagged_trials_too():
    found = trials(("a", "f", 0.5, 1), ("a", "f", 0.7, 1), ("b", "f", 0.6, 1))
    found.loc[2, "flagged"] = True
    row = coverage(found).iloc[0]
    assert row[["networks", "trials", "epochs", "flagged", "best"]].tolist() == [2, 3, 27, 1, 0.7]


def histories(**trials: list[float]) -> pd.DataFrame:
    """Epochs by `<network>_<trial>`."""
    rows = [
        {"trial": name, "nn": name.partition("_")[0], "family": "f", "epoch": epoch, "score": score}
        for name, scores in trials.items()
        for epoch, score in enumerate(scores, start=1)
    ]
    return pd.DataFrame(rows)


def test_a_cohort_has_the_same_trials_at_every_epoch():
    """The weak trial stops early: the mean over whoever is left would rise to 0.8."""
    found = histories(a_1=[0.8, 0.8, 0.8], b_1=[0.2])
    assert cohort(found, 3)["trial"].unique().tolist() == ["a_1"]
    assert cohort(found, 1).groupby("epoch")["score"].mean().tolist() == [0.5]
    gap = found[~((found["trial"] == "a_1") & (found["epoch"] == 2))]
    assert cohort(gap, 3).empty


def test_a_network_with_many_trials_counts_once():
    curves = learning_curves(histories(a_1=[0.0], a_2=[0.2], a_3=[0.4], b_1=[0.8]))
    row = curves.iloc[0]
    assert (row["mean"], row["networks"]) == (pytest.approx(0.5), 2)
    half = 12.7062 * math.sqrt(0.18) / math.sqrt(2)  # t(0.975, 1) of 0.2 and 0.8
    assert row["high"] - row["mean"] == pytest.approx(half, rel=1e-4)


def test_one_network_has_no_interval():
    assert learning_curves(histories(a_1=[0.1, 0.2]))["low"].isna().all()


def test_longest_cohort():
    found = histories(a=[0.1] * 9, b=[0.1] * 5, c=[0.1] * 5, d=[0.1])
    assert [longest_cohort(found, least) for least in (1, 2, 3, 4, 5)] == [9, 5, 5, 1, 0]


def test_compare_groups_skips_what_one_was_not_tried_on():
    found = pd.DataFrame(
        [
            *({"group": "a", "dataset": "d", "first": score} for score in (0.5, 0.6, 0.7)),
            *({"group": "b", "dataset": "d", "first": score} for score in (0.1, 0.2)),
            {"group": "b", "dataset": "e", "first": 0.2},
        ]
    )
    table = compare_groups(found, "first", "a", "b")
    assert table["dataset"].tolist() == ["d"]
    row = table.iloc[0]
    assert row["difference"] == pytest.approx(0.45)
    assert 0 < row["p"] < 0.05
    assert (row["n_better"], row["n_worse"]) == (3, 2)
