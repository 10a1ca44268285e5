"""Metrics over predicted classes."""

from __future__ import annotations

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


class MeanIoU(Metric):
    """Intersection over union, averaged over the classes that occur in targets or predictions."""

    name = "iou"

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
        """The mean; NaN where there were no positions."""
        both = np.diagonal(self._confusion)
        either = self._confusion.sum(axis=0) + self._confusion.sum(axis=1) - both
        present = either > 0
        return float((both[present] / either[present]).mean()) if present.any() else float("nan")
