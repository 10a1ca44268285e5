"""Near-duplicates: MinHash proposes pairs, the real Jaccard similarity decides.

Rensa makes the signatures and the index (decision 009). Nothing here compares all pairs: a network
is compared with what the index offers for it, and of those only where the signatures come close.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from lemur2.architecture import Refusal
from lemur2.corpus.dedupe.shingles import shingles

THRESHOLD = 0.9
"""Jaccard similarity from which two networks are near-duplicates (decision 009 has the figures)."""

PERMUTATIONS = 128
_SEED = 1
_BATCH = 256  # sources whose shingles are held as text at once
_MISSED = 1e-3  # of the pairs at the threshold, the share that the index may miss


class Sketches:
    """Signatures and shingles of sources, by position; what does not parse has none.

    Args:
        sources: Texts. They are read once and not kept.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        from rensa import RMinHash

        self.hashes: list[np.ndarray | None] = []  # sorted 64-bit hashes of the shingles
        self.minhashes: list[Any] = []
        rows: list[list[int]] = []
        for batch in _batches(map(_shingles, sources)):
            texts = [sorted(found or ()) for found in batch]
            made = RMinHash.from_token_sets(texts, PERMUTATIONS, _SEED)
            hashed = RMinHash.hash_token_sets(texts)
            for found, minhash, hashes in zip(batch, made, hashed, strict=True):
                known = found is not None
                self.minhashes.append(minhash if known else None)
                self.hashes.append(np.unique(np.array(hashes, np.uint64)) if known else None)
                rows.append(minhash.digest())
        self.signatures = np.array(rows, np.uint32).reshape(-1, PERMUTATIONS)
        """A row per source; the share of equal values in two rows estimates their similarity."""

    def __len__(self) -> int:
        return len(self.minhashes)

    def subset(self, positions: Sequence[int]) -> Sketches:
        """Some of them, in the order given."""
        part = Sketches(())
        part.hashes = [self.hashes[position] for position in positions]
        part.minhashes = [self.minhashes[position] for position in positions]
        part.signatures = self.signatures[list(positions)]
        return part

    def similarity(self, one: int, other: int) -> float:
        """The real Jaccard similarity of two sources; 0 where one does not parse."""
        a, b = self.hashes[one], self.hashes[other]
        if a is None or b is None:
            return 0.0
        common = len(np.intersect1d(a, b, assume_unique=True))
        return common / (len(a) + len(b) - common)

    def estimates(self, one: int, others: Sequence[int] | np.ndarray) -> np.ndarray:
        """Estimated similarities of a source to others: shape (others,), from 0 to 1."""
        return np.asarray((self.signatures[others] == self.signatures[one]).mean(axis=1))

    def likely(self, one: int, others: Sequence[int], threshold: float) -> Iterator[int]:
        """Those that may reach the threshold, the most similar by estimate first."""
        estimates = self.estimates(one, others)
        order = np.lexsort((np.asarray(others), -estimates))
        least = threshold - _margin(threshold)
        for place in order[: int((estimates >= least).sum())]:
            yield others[place]


def leaders(sketches: Sketches, threshold: float = THRESHOLD) -> dict[int, tuple[int, float]]:
    """Who stands for whom: position -> (its leader's position, their real similarity).

    The first of the sources is a leader; each next one is led by the most similar leader before
    it (by estimate) that reaches the threshold, and leads itself where none does. So
    nothing is ever further from its leader than the threshold, and the order is the preference.
    Leaders are not in the result.
    """
    index = _index(threshold)
    led: dict[int, tuple[int, float]] = {}
    for position, minhash in enumerate(sketches.minhashes):
        if minhash is None:
            continue
        found = _leader(sketches, position, index.query(minhash), threshold)
        if found is None:
            index.insert(position, minhash)
        else:
            led[position] = found
    return led


def _leader(
    sketches: Sketches, position: int, candidates: Sequence[int], threshold: float
) -> tuple[int, float] | None:
    """The candidate that by estimate is the most similar of those that reach the threshold."""
    for candidate in sketches.likely(position, candidates, threshold):
        similarity = sketches.similarity(position, candidate)
        if similarity >= threshold:
            return candidate, similarity
    return None


def components(sketches: Sketches, threshold: float = THRESHOLD) -> list[int]:
    """For every source the first position of its component.

    Two sources with a similarity of the threshold or more are in one component, and so is what a
    chain of such pairs connects. What does not parse is a component of its own.
    """
    index = _index(threshold)
    union = Union(len(sketches))
    for position, minhash in enumerate(sketches.minhashes):
        if minhash is None:
            continue
        for candidate in sketches.likely(position, index.query(minhash), threshold):
            apart = union.find(position) != union.find(candidate)
            if apart and sketches.similarity(position, candidate) >= threshold:
                union.join(position, candidate)
        index.insert(position, minhash)
    return [union.find(position) for position in range(len(sketches))]


class Union:
    """Disjoint sets of the numbers below `size`; the smallest of a set stands for it."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        """What stands for the item's set."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Make the two sets one."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first


def _index(threshold: float) -> Any:
    from rensa import RMinHashLSH

    return RMinHashLSH(threshold, PERMUTATIONS, bands(threshold))


def _margin(threshold: float) -> float:
    """Four standard deviations of an estimate at the threshold."""
    return 4 * math.sqrt(threshold * (1 - threshold) / PERMUTATIONS)


def bands(threshold: float) -> int:
    """The fewest bands (of powers of two) that miss at most `_MISSED` of pairs at the threshold."""
    for number in (4, 8, 16, 32, 64):
        rows = PERMUTATIONS // number
        if (1 - threshold**rows) ** number <= _MISSED:
            return number
    return PERMUTATIONS


def _shingles(source: str) -> set[str] | None:
    try:
        return shingles(source)
    except Refusal:
        return None


def _batches(items: Iterator[set[str] | None]) -> Iterator[list[set[str] | None]]:
    batch: list[set[str] | None] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
