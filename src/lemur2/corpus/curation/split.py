"""Train, validation and test: groups of like networks go to one of them whole."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lemur2.corpus.dedupe.near import Sketches, Union, components
from lemur2.corpus.dedupe.tiers import Entry
from lemur2.errors import UsageError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_CHECKED = 200  # pairs by estimate whose real similarity is looked at


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What share of the networks goes where; the rest is for training."""

    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise UsageError("validation and test are shares from 0 up, less than 1 together")

    def targets(self, total: int) -> dict[Split, float]:
        """How many of so many networks each split is to have."""
        held = {"validation": self.validation * total, "test": self.test * total}
        return {"train": total - sum(held.values()), **held}  # type: ignore[dict-item]


def groups(entries: Sequence[Entry], sketches: Sketches, threshold: float) -> list[int]:
    """For every network the first position of its group.

    One group are networks of the same structure, of a real similarity of the threshold or more,
    and what a chain of such pairs connects.
    """
    union = Union(len(entries))
    for place, first in enumerate(components(sketches, threshold)):
        union.join(place, first)
    structures: dict[str, int] = {}
    for place, entry in enumerate(entries):
        if entry.structure_digest is not None:
            union.join(place, structures.setdefault(entry.structure_digest, place))
    return [union.find(place) for place in range(len(entries))]


def assign(group: Sequence[int], shares: Shares, seed: int) -> list[Split]:
    """A split for every network, the same for all of a group.

    Groups come in an order drawn with the seed, the largest first, and each goes where most is
    missing. Shares are met as far as the largest groups allow.
    """
    members: dict[int, int] = {}
    for each in group:
        members[each] = members.get(each, 0) + 1
    order = sorted(members)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda each: -members[each])
    missing = shares.targets(len(group))
    place: dict[int, Split] = {}
    for each in order:
        place[each] = max(SPLITS, key=lambda split: missing[split])
        missing[place[each]] -= members[each]
    return [place[each] for each in group]


def closest(sketches: Sketches, splits: Sequence[Split]) -> tuple[float, int, int] | None:
    """The most similar pair across splits: its real similarity and the two positions.

    Of the pairs that come closest by estimate, independently of the index that made the groups.
    None where there is one split alone.
    """
    numbers = np.array([SPLITS.index(split) for split in splits])
    pairs: list[tuple[float, int, int]] = []
    for one in np.flatnonzero(numbers > 0).tolist():
        others = np.flatnonzero(numbers < numbers[one])
        if len(others):
            estimates = sketches.estimates(one, others)
            best = int(estimates.argmax())
            pairs.append((float(estimates[best]), one, int(others[best])))
    likely = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:_CHECKED]
    real = [(sketches.similarity(one, other), one, other) for _, one, other in likely]
    return max(real, default=None)
