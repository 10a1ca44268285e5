"""Balanced against naive means where the right answer is known."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.statistics.balance import balance, balanced_interval, balanced_mean, naive_mean


def rows(**datasets: list[float]) -> pd.DataFrame:
    made = [
        {"dataset": dataset, "score": score, "nn": f"{dataset}{place}", "group": "g"}
        for dataset, scores in datasets.items()
        for place, score in enumerate(scores)
    ]
    return pd.DataFrame(made)


def test_an_easy_data_set_with_many_networks_lifts_the_naive_mean_only():
    found = rows(easy=[0.9] * 9, hard=[0.1])
    assert naive_mean(found) == pytest.approx(0.82)
    assert balanced_mean(found) == pytest.approx(0.5)


def test_a_better_group_can_look_worse_by_the_naive_mean():
    """Simpson's paradox: `good` beats `bad` on both data sets, and loses the naive mean."""
    good = rows(easy=[0.95], hard=[0.30] * 9).assign(group="good")
    bad = rows(easy=[0.90] * 9, hard=[0.20]).assign(group="bad")
    table = balance(pd.concat([good, bad]), "group").set_index("group")
    assert table.loc["good", "balanced"] > table.loc["bad", "balanced"]
    assert table.loc["good", "naive"] < table.loc["bad", "naive"]
    assert table.loc["good", "inflation"] < 0 < table.loc["bad", "inflation"]
    assert table.loc["bad", ["networks", "rows", "datasets"]].tolist() == [10, 10, 2]


SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(st.dictionaries(st.sampled_from("abcd"), SCORES, min_size=1))
def test_more_rows_of_the_same_scores_do_not_move_the_balanced_mean(datasets):
    once = rows(**datasets)
    first, *others = datasets
    again = rows(**{**datasets, first: datasets[first] * 3})
    assert balanced_mean(again) == pytest.approx(balanced_mean(once))
    if not others:
        assert naive_mean(again) == pytest.approx(balanced_mean(again))


@given(st.lists(SCORES.filter(lambda scores: len(scores) == 3), min_size=1, max_size=4))
def test_equal_counts_make_the_means_equal(lists):
    found = rows(**{f"d{place}": scores for place, scores in enumerate(lists)})
    assert naive_mean(found) == pytest.approx(balanced_mean(found))


def test_the_interval_is_around_the_mean_and_needs_two_networks_a_data_set():
    random = np.random.default_rng(3)
    found = rows(a=list(random.uniform(0, 1, 30)), b=list(random.uniform(0, 1, 10)))
    low, high = balanced_interval(found)
    assert low < balanced_mean(found) < high
    assert high - low < 0.4
    assert all(math.isnan(end) for end in balanced_interval(rows(a=[0.1, 0.2], b=[0.3])))
