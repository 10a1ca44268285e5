"""A data set as read from its files, before it is split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class Samples(Protocol):
    """Inputs that need not be in memory: an array, or a list of files that is read on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples first, then the shape of one."""

    @property
    def dtype(self) -> np.dtype:
        """Of the values."""

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        """The samples at these positions, in this order."""


@dataclass(frozen=True)
class RawData:
    """A data set as read from its files, before splitting.

    `test` is None where the data set ships no test part: the split then makes one. `validation`
    is None in most, and the split takes it from `train`. For images the inputs are uint8
    (N, C, H, W) and the targets int64 (N,). `facts` is what people may want to know of it, in the
    values of JSON.
    """

    train: tuple[Samples, np.ndarray]
    test: tuple[Samples, np.ndarray] | None
    classes: tuple[str, ...]
    validation: tuple[Samples, np.ndarray] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
