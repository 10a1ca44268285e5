"""How a mixture of experts routes: figures from the weight that each class gave to each expert.

Networks tell only the counts (`Net.diagnostics()["routing"]`, experts x classes, over the training
images of an epoch); everything else is computed here, so that it means the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

KEY = "routing"


@dataclass(frozen=True, kw_only=True)
class Routing:
    """One epoch's routing.

    Attributes:
        load: Share of all weight that each expert got; sums to 1.
        utilisation: Entropy of the load over its largest value, log N: 1 where all experts are
            used alike, 0 where one has everything.
        specialisation: What an image's expert tells of its class: their mutual information over
            the entropy of the classes (or of the experts, where that is less possible), in [0, 1].
        by_class: Experts x classes: each class's weight over the experts; columns sum to 1 (0
            for a class that did not occur).
    """

    load: np.ndarray
    utilisation: float
    specialisation: float
    by_class: np.ndarray

    @property
    def experts(self) -> int:
        """How many there are."""
        return len(self.load)


def routing(diagnostics: Mapping[str, Any] | None) -> Routing | None:
    """The routing that an epoch's diagnostics tell of; None where they tell of none.

    They are an untrusted network's word: what is no matrix of at least two experts and one class
    with finite weights, none below 0 and not all 0, is none.
    """
    found = (diagnostics or {}).get(KEY)
    if not isinstance(found, list) or len(found) < 2:
        return None
    rows = [row for row in found if isinstance(row, list)]
    if len(rows) < len(found) or len({len(row) for row in rows}) != 1 or not rows[0]:
        return None
    if not all(isinstance(value, int | float) for row in rows for value in row):
        return None
    weights = np.array(rows, dtype=float)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        return None
    return _figures(weights)


def _figures(weights: np.ndarray) -> Routing:
    joint = weights / weights.sum()
    load, classes = joint.sum(axis=1), joint.sum(axis=0)
    mutual = _entropy(load) + _entropy(classes) - _entropy(joint.ravel())
    most = min(np.log(len(load)), _entropy(classes))
    shares = np.divide(joint, classes, out=np.zeros_like(joint), where=classes > 0)
    return Routing(
        load=load,
        utilisation=_entropy(load) / float(np.log(len(load))),
        specialisation=max(0.0, mutual / most) if most > 0 else 0.0,
        by_class=shares,
    )


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return max(0.0, float(-(positive * np.log(positive)).sum()))
