"""Seeded, stratified splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lemur2.datasets.base import Part, RawData, Samples

HELD_SHARE = 0.1  # of the samples, for each held-out part that has to be made

Selection = tuple[Samples, np.ndarray, np.ndarray]  # inputs, targets, the chosen positions


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
    parts: list[list[np.ndarray]] = [[] for _ in range(len(shares) + 1)]
    for label in np.unique(targets):
        members = rng.permutation(np.flatnonzero(targets == label))
        start = 0
        for part, share in zip(parts[1:], shares, strict=True):
            stop = start + int(len(members) * share + 0.5)
            part.append(members[start:stop])
            start = stop
        parts[0].append(members[start:])
    return [rng.permutation(np.concatenate(part)) if part else _NOTHING for part in parts]


_NOTHING = np.empty(0, dtype=np.int64)


def split(raw: RawData, seed: int) -> dict[Part, Selection]:
    """Choose the three parts: shipped ones stay as they are, missing ones are taken from train."""
    inputs, targets = raw.train
    missing = [part for part in (raw.validation, raw.test) if part is None]
    chosen = stratified(targets, [HELD_SHARE] * len(missing), seed) if missing else [_all(targets)]
    taken = iter((inputs, targets, positions) for positions in chosen)
    return {
        "train": next(taken),
        "validation": _shipped(raw.validation) if raw.validation else next(taken),
        "test": _shipped(raw.test) if raw.test else next(taken),
    }


def _all(targets: np.ndarray) -> np.ndarray:
    return np.arange(len(targets))


def _shipped(part: tuple[Samples, np.ndarray]) -> Selection:
    return (*part, _all(part[1]))
