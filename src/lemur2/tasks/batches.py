"""One epoch of shuffled training batches, gathered from memory-mapped arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    import torch

Prepare = Callable[["torch.Tensor", "torch.Generator"], "torch.Tensor"]


@dataclass
class Samples:
    """The samples behind the batches one by one, as a map-style data set gives them.

    The length is the number of samples. Item i is sample i prepared as for training, and its
    target: an int where it is a single number, else a tensor. What `prepare` draws at random
    depends on the seed and on what was asked for before.
    """

    inputs: np.ndarray
    targets: np.ndarray
    prepare: Prepare
    seed: int

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: SupportsIndex) -> tuple[torch.Tensor, int | torch.Tensor]:
        import torch

        position = range(len(self))[operator.index(index)]
        raw = torch.from_numpy(np.array(self.inputs[position : position + 1]))
        target = np.array(self.targets[position], dtype=np.int64)
        prepared = self.prepare(raw, self._generator)[0]
        return prepared, int(target) if target.ndim == 0 else torch.from_numpy(target)

    @cached_property
    def _generator(self) -> torch.Generator:
        import torch

        return torch.Generator().manual_seed(self.seed)


@dataclass
class ShuffledBatches:
    """Iterable over (inputs, targets) batches in an order that `seed` fixes.

    Rows are gathered from the arrays when their batch is due, so nothing but one batch is in
    memory. A network whose `learn` iterates more than once sees a new order each time, again
    fixed by the seed. The last batch may be smaller; it is left out where it would hold a single
    sample of several, since batch normalisation cannot train on one.

    Attributes:
        inputs: Raw samples (N, ...), typically memory-mapped.
        targets: Their targets (N, ...), given out as int64.
        prepare: Makes network inputs of a raw batch, drawing at random from the generator.
        batch_size: Samples a batch, at least 1.
        seed: Of the order and of `prepare`'s generator.
    """

    inputs: np.ndarray
    targets: np.ndarray
    prepare: Prepare
    batch_size: int
    seed: int
    _passes: int = field(default=0, init=False, repr=False)

    drop_last = False
    num_workers = 0

    @cached_property
    def dataset(self) -> Samples:
        """The samples one by one, as `torch.utils.data.DataLoader` has them."""
        return Samples(self.inputs, self.targets, self.prepare, self.seed)

    def __len__(self) -> int:
        full, rest = divmod(len(self.inputs), self.batch_size)
        return full + (rest > 1 or (rest == 1 and full == 0))

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        import torch

        random = np.random.default_rng((self.seed, self._passes))
        self._passes += 1
        order = random.permutation(len(self.inputs))
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        for index in range(len(self)):
            rows = order[index * self.batch_size : (index + 1) * self.batch_size]
            targets = torch.from_numpy(self.targets[rows].astype(np.int64, copy=False))
            yield self.prepare(torch.from_numpy(self.inputs[rows]), generator), targets
