"""A seeded, stratified split that keeps together what belongs together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lemur2.datasets.splits import HELD_SHARE


def grouped(
    targets: np.ndarray, groups: np.ndarray, parts: int, seed: int, share: float = HELD_SHARE
) -> list[np.ndarray]:
    """Split positions so that a group is in one part, and parts have their share of every class.

    A held-out part takes whole groups of a class, in random order, until it has the share of that
    class; what rounding left over is made up in the next class, so that many small classes give
    a held-out part of the right size, too. The first part keeps a group of every class.

    Args:
        targets: Integer classes (N,).
        groups: Numbers of the groups (N,); the samples of one may have different classes.
        parts: How many held-out parts to make beside the first.
        seed: Of the choice, and of the order within each part.
        share: Of each held-out part.

    Returns:
        Positions for each part, in random order, disjoint and together complete. A held-out part
        is empty where no group can be spared.
    """
    rng = np.random.default_rng(seed)
    members = _members(groups)
    classes = [frozenset(targets[each].tolist()) for each in members]
    left = Counter(label for each in classes for label in each)  # groups in the first part
    chosen = np.zeros(len(targets), dtype=np.int64)
    order = {label: rng.permutation(np.array(own)) for label, own in _by_class(classes).items()}
    for part in range(1, parts + 1):
        carry = 0.0
        for label in sorted(order):
            pool = [g for g in order[label] if not chosen[members[g][0]]]
            wanted = share * sum(len(members[g]) for g in order[label]) + carry
            taken = _take(pool, wanted, members, classes, left)
            for group in taken:
                chosen[members[group]] = part
            missing = wanted - sum(len(members[g]) for g in taken)
            carry = min(max(missing, -1.0), 1.0)
        if not (chosen == part).any():
            spare = _spare(order, chosen, members, classes, left)
            chosen[spare] = part
    return [rng.permutation(np.flatnonzero(chosen == part)) for part in range(parts + 1)]


def _members(groups: np.ndarray) -> list[np.ndarray]:
    """Positions of each group's samples; groups in the order of their first one."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[inverse]
    return np.split(np.argsort(rank, kind="stable"), np.cumsum(np.bincount(rank))[:-1])


def _by_class(classes: Sequence[frozenset[int]]) -> dict[int, list[int]]:
    """Groups of each class; one of several classes counts as its least."""
    found: dict[int, list[int]] = {}
    for group, labels in enumerate(classes):
        found.setdefault(min(labels), []).append(group)
    return found


def _take(
    pool: Sequence[int],
    wanted: float,
    members: Sequence[np.ndarray],
    classes: Sequence[frozenset[int]],
    left: Counter[int],
) -> list[int]:
    """Groups that come to about so many samples, none of them the last of a class."""
    taken, count = [], 0
    for group in pool:
        size = len(members[group])
        if count + size / 2 <= wanted and all(left[label] > 1 for label in classes[group]):
            taken.append(group)
            count += size
            left.subtract(classes[group])
    return taken


def _spare(
    order: dict[int, np.ndarray],
    chosen: np.ndarray,
    members: Sequence[np.ndarray],
    classes: Sequence[frozenset[int]],
    left: Counter[int],
) -> np.ndarray:
    """The samples of one small group that the first part can do without, if there is one.

    It comes from the class that has the most groups.
    """
    free = [
        group
        for label in sorted(order, key=lambda label: (-left[label], label))
        for group in sorted(order[label], key=lambda group: len(members[group]))
        if not chosen[members[group][0]] and all(left[each] > 1 for each in classes[group])
    ]
    if not free:
        return np.empty(0, dtype=np.int64)
    left.subtract(classes[free[0]])
    return members[free[0]]
