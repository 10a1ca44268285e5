"""The contract of a metric."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class Metric(ABC):
    """Scores predictions against targets, in the parent process, with numpy only.

    A metric is fed batch by batch and asked once at the end. Every result is a float in [0, 1]
    where higher is better (the field's convention); `higher_is_better` is False only for the
    exceptions. Whoever compares scores asks `lemur2.metrics.order`. A third party adds a metric by
    subclassing and declaring the class under the entry-point group `lemur2.metrics`; the
    conformance suite then tests it.
    """

    name: ClassVar[str]
    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def reset(self) -> None:
        """Forget everything seen so far. A new metric is already reset."""

    @abstractmethod
    def update(self, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Take one batch.

        Args:
            outputs: What the network gave, as its task shapes it: unnormalised scores with the
                classes last, (B, K) for classification, (B, S, V) for text, (B, H, W, K) for
                segmentation.
            targets: Integer classes of the same shape without the last axis.
        """

    @abstractmethod
    def result(self) -> float:
        """The score of all batches since the last reset; NaN where there were none."""
