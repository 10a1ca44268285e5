"""Which networks go into a training set: unlike ones, some of every family, no more than enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lemur2.corpus.dedupe.near import THRESHOLD, Sketches
from lemur2.corpus.dedupe.tiers import Entry, Preference, find_redundant, in_order
from lemur2.corpus.progress import Progress, silent, told
from lemur2.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What to choose by.

    Attributes:
        per_family: At most so many of a family, the most unlike; None for no bound.
        minimum: At least so many of every family (by the prefix of its names) that has as many
            different syntax trees, near-duplicates let in where it takes them.
        total: Top up to so many with the most unlike of what was left out, whatever its family;
            None for no topping up. It is no upper bound.
        prefer: Which of near-duplicates is kept, and which network of a family comes first.
        threshold: Jaccard similarity from which two networks are near-duplicates.
    """

    per_family: int | None = None
    minimum: int = 0
    total: int | None = None
    prefer: Preference = "accuracy"
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        if self.per_family is not None and self.per_family < max(1, self.minimum):
            raise UsageError(
                f"at most {self.per_family} per family leaves no room for at least "
                f"{max(1, self.minimum)}; raise the one or lower the other"
            )


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What was chosen, and what became of the rest.

    Attributes:
        entries: The networks, in the order of preference.
        sketches: Theirs, in the same order.
        counts: How many networks there were (`corpus`), how many of them do not parse
            (`unparsable`), repeat another's syntax tree (`exact`), its structure or nearly its
            tokens (`alike`), were left out by `per_family` (`over`), let in again by `minimum` and
            `total` (`minimum`, `topped up`), and were chosen (`chosen`).
        families: By family, how many it has and how many were chosen.
    """

    entries: tuple[Entry, ...]
    sketches: Sketches
    counts: dict[str, int]
    families: dict[str, tuple[int, int]]


def choose(entries: Iterable[Entry], rules: Rules, progress: Progress = silent) -> Chosen:
    """Choose networks by the rules; pure and deterministic.

    Exact copies (the same syntax tree) are never chosen together. Every choice between networks
    takes the one least like those that were taken before it (farthest first on the estimated
    Jaccard similarity); among equals the preferred one.
    """
    everything = list(entries)
    parsed = in_order((entry for entry in everything if entry.digest), rules.prefer)
    copies = find_redundant(parsed, tiers=("canonical",), prefer=rules.prefer)
    dropped = {each.name for each in copies}
    kept = [entry for entry in parsed if entry.name not in dropped]
    sketches = Sketches(entry.source for entry in told(kept, "comparing networks", progress))
    picker = _Picker(kept, sketches, rules)
    picked = picker.pick()
    before = Counter(entry.family for entry in everything)
    after = Counter(kept[position].family for position in picked)
    counts = {
        "corpus": len(everything),
        "unparsable": len(everything) - len(parsed),
        "exact": len(copies),
        **picker.counts,
        "chosen": len(picked),
    }
    return Chosen(
        entries=tuple(kept[position] for position in picked),
        sketches=sketches.subset(picked),
        counts=counts,
        families={family: (before[family], after[family]) for family in sorted(before)},
    )


class _Picker:
    """Picks positions of networks that are in the order of preference."""

    def __init__(self, kept: Sequence[Entry], sketches: Sketches, rules: Rules) -> None:
        self.kept, self.sketches, self.rules = kept, sketches, rules
        alike = find_redundant(
            kept,
            tiers=("structure", "near"),
            prefer=rules.prefer,
            threshold=rules.threshold,
            sketches=sketches,
        )
        names = {each.name for each in alike}
        self.unlike = [place for place, entry in enumerate(kept) if entry.name not in names]
        self.unlike_of = self._families(self.unlike)
        self.counts = {"alike": len(names), "over": 0, "minimum": 0, "topped up": 0}

    def pick(self) -> list[int]:
        """All that is chosen, in order."""
        picked: list[int] = []
        for family, members in self._families(range(len(self.kept))).items():
            picked += self._of_family(family, members)
        wanted = (self.rules.total or 0) - len(picked)
        if wanted > 0:
            taken = set(picked)
            rest = [place for place in range(len(self.kept)) if place not in taken]
            # What is unlike all others goes first, near-duplicates only where it takes them.
            unlike = set(self.unlike)
            for pool in ([p for p in rest if p in unlike], [p for p in rest if p not in unlike]):
                more = farthest_first(self.sketches, picked, pool, wanted)
                picked += more
                wanted -= len(more)
                self.counts["topped up"] += len(more)
        return sorted(picked)

    def _families(self, places: Iterable[int]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place in places:
            found.setdefault(self.kept[place].family, []).append(place)
        return found

    def _of_family(self, family: str, members: Sequence[int]) -> list[int]:
        unlike = self.unlike_of.get(family, [])
        room = len(unlike) if self.rules.per_family is None else self.rules.per_family
        picked = unlike
        if room < len(unlike):
            picked = farthest_first(self.sketches, [], unlike, room)
        self.counts["over"] += len(unlike) - len(picked)
        missing = self.rules.minimum - len(picked)
        if missing > 0:
            taken = set(picked)
            pool = [place for place in members if place not in taken]
            more = farthest_first(self.sketches, picked, pool, missing)
            self.counts["minimum"] += len(more)
            picked = [*picked, *more]
        return picked


def farthest_first(
    sketches: Sketches, taken: Sequence[int], pool: Sequence[int], count: int
) -> list[int]:
    """Up to `count` of the pool, each the least like everything that was taken before it.

    Among equals the earlier in the pool. Where nothing was taken yet, the pool's first.
    """
    if not pool or count < 1:
        return []
    places = np.array(pool)
    nearest = np.zeros(len(places))  # similarity to the nearest that was taken
    for each in taken:
        np.maximum(nearest, sketches.estimates(each, places), out=nearest)
    picked: list[int] = []
    for _ in range(min(count, len(places))):
        place = int(nearest.argmin())
        picked.append(int(places[place]))
        np.maximum(nearest, sketches.estimates(picked[-1], places), out=nearest)
        nearest[place] = 2.0  # above any similarity: not again
    return picked
