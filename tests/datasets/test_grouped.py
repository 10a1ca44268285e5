"""The split that keeps copies together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.datasets.grouped import grouped


@st.composite
def samples(draw):
    """Classes and groups of samples; some groups have several members, or several classes."""
    classes = draw(st.integers(2, 6))
    members = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=200))
    copies = draw(st.lists(st.integers(0, len(members) - 1), max_size=30))
    targets = np.array(members + [members[each] for each in copies])
    groups = np.array([*range(len(members)), *copies])
    if copies and draw(st.booleans()):
        targets[-1] = (targets[-1] + 1) % classes
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(targets))
    return targets[order], groups[order]


@given(samples(), st.integers(1, 2), st.integers(0, 99))
def test_parts_are_disjoint_complete_and_keep_copies_together(data, held, seed):
    targets, groups = data
    parts = grouped(targets, groups, held, seed)
    assert len(parts) == held + 1
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(targets)))
    where = [set(groups[part].tolist()) for part in parts]
    assert sum(map(len, where)) == len(set(groups.tolist()))
    assert set(targets[parts[0]].tolist()) == set(targets.tolist())
    for part, again in zip(parts, grouped(targets, groups, held, seed), strict=True):
        assert np.array_equal(part, again)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=40), st.integers(0, 99))
def test_shares_are_near_a_tenth(sizes, seed):
    """Within one sample in each class, and within two and a half in all, however small they are."""
    targets = np.repeat(np.arange(len(sizes)), sizes)
    train, *held = grouped(targets, np.arange(len(targets)), 2, seed)
    for part in held:
        counts = np.bincount(targets[part], minlength=len(sizes))
        for count, size in zip(counts, sizes, strict=True):
            assert count <= 0.1 * size + 2
            assert count >= 0.1 * size - 2 or size < 3
        spared = sum(size - 1 for size in sizes)
        if spared >= 3 + 0.2 * len(targets):
            assert abs(len(part) - 0.1 * len(targets)) <= 2.5
    assert len(train) >= len(sizes)


def test_many_classes_of_three_pictures_give_parts_of_a_tenth():
    targets = np.repeat(np.arange(100), 3)
    assert [len(part) for part in grouped(targets, np.arange(300), 2, 0)] == [240, 30, 30]


def test_three_pictures_in_each_of_two_classes_give_three_parts():
    targets = np.repeat(np.arange(2), 3)
    parts = grouped(targets, np.arange(6), 2, 0)
    assert [len(part) for part in parts] == [4, 1, 1]
    assert set(targets[parts[0]].tolist()) == {0, 1}


def test_nothing_is_spared_where_there_is_too_little():
    parts = grouped(np.array([0, 1, 1]), np.array([0, 1, 1]), 2, 0)
    assert [len(part) for part in parts] == [3, 0, 0]


def test_a_large_group_does_not_fill_a_held_out_part():
    groups = np.concatenate([np.zeros(60, dtype=int), np.arange(1, 41)])
    train, validation, test = grouped(np.zeros(100, dtype=int), groups, 2, 0)
    assert (groups[train] == 0).sum() == 60
    assert len(validation) == len(test) == 10


@pytest.mark.parametrize("seed", range(3))
def test_other_seeds_choose_others(seed):
    targets = np.repeat(np.arange(4), 25)
    mine = grouped(targets, np.arange(100), 1, seed)[1]
    other = grouped(targets, np.arange(100), 1, seed + 1)[1]
    assert set(mine.tolist()) != set(other.tolist())
