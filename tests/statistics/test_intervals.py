"""Intervals: against published values, and by how often they hold what they should."""

import math

import numpy as np
import pytest

from lemur2.statistics.intervals import bootstrap_interval, mean_interval


def test_mean_interval_of_a_textbook_sample():
    """n = 5, mean 3, s = sqrt(2.5), t(0.975, 4) = 2.776445."""
    low, high = mean_interval(np.arange(1.0, 6.0))
    half = 2.776445 * math.sqrt(2.5 / 5)
    assert low == pytest.approx(3 - half, rel=1e-6)
    assert high == pytest.approx(3 + half, rel=1e-6)


def test_single_values_have_no_interval():
    for interval in (mean_interval, bootstrap_interval):
        assert all(math.isnan(end) for end in interval(np.array([1.0])))


def coverage(interval, truth: float, draw, times: int) -> float:
    hits = 0
    for _ in range(times):
        low, high = interval(draw())
        hits += low <= truth <= high
    return hits / times


def test_mean_interval_covers_as_often_as_it_says():
    random = np.random.default_rng(1)
    share = coverage(mean_interval, 3.0, lambda: random.normal(3, 2, size=8), 2000)
    assert 0.935 < share < 0.965


def test_bootstrap_interval_covers_nearly_as_often_as_it_says():
    random = np.random.default_rng(2)
    share = coverage(
        lambda sample: bootstrap_interval(sample, draws=400),
        1.0,
        lambda: random.exponential(1, size=60),
        400,
    )
    assert 0.88 < share < 0.97  # percentile intervals of skewed data are a little short


def test_bootstrap_of_medians_is_within_the_data_and_repeats():
    values = np.array([1.0, 2.0, 3.0, 4.0, 50.0])
    low, high = bootstrap_interval(values, "median")
    assert 1 <= low <= 3 <= high <= 50
    assert (low, high) == bootstrap_interval(values, "median")
    assert bootstrap_interval(values, "median", seed=1) == pytest.approx((low, high), abs=50)


def test_bootstrap_of_many_values_in_parts_gives_the_same_number_of_draws(monkeypatch):
    from lemur2.statistics import intervals

    whole = intervals.resample(np.arange(100.0), draws=50)
    monkeypatch.setattr(intervals, "_CELLS", 700)  # seven resamples at a time
    parts = intervals.resample(np.arange(100.0), draws=50)
    assert len(whole) == len(parts) == 50
    assert whole.std() == pytest.approx(parts.std(), rel=0.5)
