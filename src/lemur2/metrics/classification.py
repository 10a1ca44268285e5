"""Metrics over predicted classes."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from lemur2.metrics.base import Metric


class Accuracy(Metric):
    """Share of positions whose highest score is the target's."""

    name = "acc"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything seen so far."""
        self._right = 0
        self._seen = 0

    def update(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Take one batch: scores (..., K), targets (...)."""
        self._right += int((outputs.argmax(axis=-1) == targets).sum())
        self._seen += targets.size

    def result(self) -> float:
        """Right over all; NaN where there were none."""
        return self._right / self._seen if self._seen else float("nan")


class TopFive(Metric):
    """Share of positions whose target is among the five highest scores; 1 with up to five classes.

    Of equal scores the first class counts as the higher one, as `acc` has it.
    """

    name = "top-5"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything seen so far."""
        self._right = 0
        self._seen = 0

    def update(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Take one batch: scores (..., K), targets (...)."""
        chosen = targets[..., None].astype(np.int64)
        score = np.take_along_axis(outputs, chosen, axis=-1)
        earlier = np.arange(outputs.shape[-1]) < chosen
        above = (outputs > score) | ((outputs == score) & earlier) | np.isnan(outputs)
        right = (above.sum(axis=-1) < 5) & ~np.isnan(score[..., 0])
        self._right += int(right.sum())
        self._seen += targets.size

    def result(self) -> float:
        """Right over all; NaN where there were none."""
        return self._right / self._seen if self._seen else float("nan")


class _OfConfusion(Metric):
    """A score of how often each class was taken for each: rows are targets, columns predictions."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything seen so far."""
        self._confusion = np.zeros((0, 0), dtype=np.int64)

    def update(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Take one batch: scores (..., K), targets (...)."""
        classes = outputs.shape[-1]
        pairs = targets.reshape(-1).astype(np.int64) * classes + outputs.argmax(axis=-1).reshape(-1)
        counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        self._confusion = self._confusion + counts if self._confusion.size else counts

    def result(self) -> float:
        """The mean over classes; NaN where there were no positions."""
        return self._score(self._confusion) if self._confusion.size else float("nan")

    @abstractmethod
    def _score(self, confusion: np.ndarray) -> float:
        """Of counts (K, K) that are not all 0."""


class BalancedAccuracy(_OfConfusion):
    """Share of a class's positions that are right, averaged over the classes among the targets.

    Every class counts alike, however rare: who always says the most frequent one of K has 1 / K.
    """

    name = "balanced-acc"

    def _score(self, confusion: np.ndarray) -> float:
        right, all_of_it = np.diagonal(confusion), confusion.sum(axis=1)
        return _mean_share(right, all_of_it)


class MacroF1(_OfConfusion):
    """F1 (harmonic mean of precision and recall) of each class, averaged over classes.

    They are those that occur in targets or predictions; every one counts alike.
    """

    name = "macro-f1"

    def _score(self, confusion: np.ndarray) -> float:
        right = np.diagonal(confusion)
        return _mean_share(2 * right, confusion.sum(axis=0) + confusion.sum(axis=1))


class MeanIoU(_OfConfusion):
    """Intersection over union, averaged over the classes that occur in targets or predictions."""

    name = "iou"

    def _score(self, confusion: np.ndarray) -> float:
        both = np.diagonal(confusion)
        return _mean_share(both, confusion.sum(axis=0) + confusion.sum(axis=1) - both)


def _mean_share(part: np.ndarray, whole: np.ndarray) -> float:
    """The mean of part / whole over the classes that have any; NaN where none has."""
    present = whole > 0
    return float((part[present] / whole[present]).mean()) if present.any() else float("nan")
