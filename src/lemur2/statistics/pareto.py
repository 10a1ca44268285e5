"""The Pareto front of cost against gain."""

from __future__ import annotations

import numpy as np


def pareto_front(cost: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Which points no other point beats, in O(n log n).

    A point is beaten by one that costs no more and gains no less, and differs in one of the two.
    Points equal in both are all on the front, or all off it. Points with a NaN never are.

    Args:
        cost: Less is better, shape (n,).
        gain: More is better, shape (n,).

    Returns:
        Indices of the front, by rising cost, then by place in the input.
    """
    known = np.flatnonzero(~(np.isnan(cost) | np.isnan(gain)))
    order = known[np.lexsort((known, -gain[known], cost[known]))]
    if not len(order):
        return order
    costs, gains = cost[order], gain[order]
    # Of equal costs the best comes first, so what leads its cost and beats all cheaper ones stays.
    before = np.concatenate(([-np.inf], np.maximum.accumulate(gains)[:-1]))
    leads = gains > before
    leader = np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))
    twin = (costs == costs[leader]) & (gains == gains[leader])
    return order[leads | twin]
