"""Rank correlations against scipy, and what is left out of them."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from lemur2.statistics.association import (
    first_against_final,
    hyperparameter_correlations,
    kendall,
    spearman,
    top_overlap,
)

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=40)


@given(PAIRS)
def test_rho_is_scipys_and_lies_in_its_interval(pairs):
    x, y = np.array(pairs, dtype=float).T
    found = spearman(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert math.isnan(found.value)
        return
    assert found.value == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.n == len(pairs)


def test_the_interval_covers_as_often_as_it_says():
    """Of normal pairs with Pearson's r, Spearman's rho is 6/pi asin(r/2)."""
    random = np.random.default_rng(4)
    r = 0.6
    truth = 6 / math.pi * math.asin(r / 2)
    hits = 0
    for _ in range(600):
        x, noise = random.normal(size=(2, 60))
        found = spearman(x, r * x + math.sqrt(1 - r * r) * noise)
        hits += found.low <= truth <= found.high
    assert 0.92 < hits / 600 < 0.98


def test_missing_pairs_are_left_out():
    x = np.array([1, 2, 3, 4, np.nan, 6])
    y = np.array([2, 4, 6, 8, 1, np.nan])
    found = spearman(x, y)
    assert (found.value, found.n) == (1, 4)
    assert kendall(x, y) == pytest.approx(1)


def test_top_overlap():
    y = np.arange(100.0)
    assert top_overlap(y, y) == 1
    assert top_overlap(-y, y) == 0
    assert math.isnan(top_overlap(y[:3], y[:3]))


def trials(count: int = 200) -> pd.DataFrame:
    """Networks that were tried with larger lr are better, but lr itself lowers the score."""
    random = np.random.default_rng(6)
    network = np.arange(count) // 20
    lr = network + random.uniform(0, 0.9, count)
    score = network / 10 - (lr - network) / 100
    return pd.DataFrame(
        {
            "benchmark": "digits",
            "metric": "acc",
            "nn": [f"n{number}" for number in network],
            "lr": lr,
            "constant": 1.0,
            "missing": np.nan,
            "best": score,
            "first": score / 2,
            "final": score,
            "last_epoch": 5,
        }
    )


def test_pooling_can_feign_a_correlation_that_is_the_opposite_within_networks():
    table = hyperparameter_correlations(trials(), ["lr", "constant", "missing"])
    assert set(table["hyperparameter"]) == {"lr"}
    by_kind = table.set_index("kind")["rho"]
    assert by_kind["pooled"] > 0.9
    assert by_kind["within"] < -0.9


def test_first_against_final():
    found = trials()
    found.loc[:99, "last_epoch"] = 1  # one epoch says nothing of ranks changing
    row = first_against_final(found).iloc[0]
    assert (row["rho"], row["tau"], row["top_tenth"]) == pytest.approx((1, 1, 1))
    assert row["n"] == 100


def test_few_pairs_are_not_reported():
    assert hyperparameter_correlations(trials(19), ["lr"]).empty
