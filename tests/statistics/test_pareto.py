"""The Pareto front against the definition, and its growth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.statistics.pareto import pareto_front

# Few distinct values, so that ties are common; NaN stands for what is not known.
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.5, float("inf"), float("nan")])


def by_definition(points: list[tuple[float, float]]) -> set[int]:
    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one[0] <= other[0] and one[1] >= other[1] and one != other

    known = [place for place, point in enumerate(points) if not np.isnan(point).any()]
    return {
        place for place in known if not any(beats(points[other], points[place]) for other in known)
    }


@given(st.lists(st.tuples(VALUES, VALUES), max_size=25))
def test_front_is_what_nothing_beats(points):
    cost = np.array([point[0] for point in points], dtype=float)
    gain = np.array([point[1] for point in points], dtype=float)
    front = pareto_front(cost, gain)
    assert set(front.tolist()) == by_definition(points)
    assert len(set(front.tolist())) == len(front)
    assert (np.diff(cost[front][np.isfinite(cost[front])]) >= 0).all()


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=40))
def test_front_of_reals(points):
    front = pareto_front(*np.array(points).T)
    assert set(front.tolist()) == by_definition(points)


def test_a_hundred_thousand_points_on_one_front():
    """Quadratic work would need 10^10 comparisons here."""
    cost = np.arange(100_000, dtype=float)
    assert len(pareto_front(cost, cost)) == 100_000


def test_empty():
    nothing = np.array([], dtype=float)
    assert len(pareto_front(nothing, nothing)) == 0
    assert len(pareto_front(np.array([np.nan]), np.array([1.0]))) == 0


@pytest.mark.parametrize("gain", [-np.inf, 1.0])
def test_a_single_point_is_the_front(gain):
    assert pareto_front(np.array([1.0]), np.array([gain])).tolist() == [0]
