"""Seeded, stratified splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lemur2.datasets.raw import Part, RawData, Samples

HELD_SHARE = 0.1  # of the samples, for each held-out part that has to be made


class Chosen:
    """Some of the samples, in a given order, without copying them."""

    def __init__(self, samples: Samples, positions: np.ndarray) -> None:
        self._samples = samples
        self._positions = positions
        self.dtype = samples.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples first, then the shape of one."""
        return (len(self._positions), *self._samples.shape[1:])

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        """The samples at these positions of the choice."""
        return self._samples[self._positions[indices]]


def stratified(targets: np.ndarray, shares: Sequence[float], seed: int) -> list[np.ndarray]:
    """Split positions so that every part has its share of every class.

    Args:
        targets: Integer classes (N,).
        shares: Of the second and later parts; the first gets the rest.
        seed: Of the choice and of the order within each part.

    Returns:
        Positions for each part, `len(shares) + 1` arrays in random order, disjoint and together
        complete. In every class a part has its share rounded to the nearest whole number.
    """
    rng = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[_NOTHING] for _ in range(len(shares) + 1)]
    for label in np.unique(targets):
        members = rng.permutation(np.flatnonzero(targets == label))
        start = 0
        for part, share in zip(parts[1:], shares, strict=True):
            stop = start + int(len(members) * share + 0.5)
            part.append(members[start:stop])
            start = stop
        parts[0].append(members[start:])
    return [rng.permutation(np.concatenate(part)) for part in parts]


_NOTHING = np.empty(0, dtype=np.int64)


def split_by_class(raw: RawData, seed: int) -> dict[Part, tuple[Samples, np.ndarray]]:
    """The three parts: shipped ones stay as they are, missing ones are taken from train."""
    inputs, targets = raw.train
    missing = [part for part in (raw.validation, raw.test) if part is None]
    chosen = iter(stratified(targets, [HELD_SHARE] * len(missing), seed))

    def taken() -> tuple[Samples, np.ndarray]:
        positions = next(chosen)
        return Chosen(inputs, positions), targets[positions]

    return {"train": taken(), "validation": raw.validation or taken(), "test": raw.test or taken()}
