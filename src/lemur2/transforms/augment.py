"""Random operations that keep or cut the shape, drawn for every image of a batch at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision import transforms as T

from lemur2.transforms.steps import Batch, Domain, Step


class Sometimes(Step):
    """Applies a function to each image with a probability; always where that is 1."""

    def __init__(
        self,
        probability: float,
        function: Callable[[Tensor], Tensor],
        domains: tuple[Domain, ...] = ("image", "tensor"),
    ) -> None:
        self.probability = probability
        self.function = function
        self.domains = domains
        self.fixed = probability >= 1

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Apply it to the images that the draw hits."""
        drawn = torch.rand(len(batch.data), generator=generator) < self.probability
        if self.fixed:
            return self.evaluate(batch)
        hit = drawn.nonzero().squeeze(1)
        data = batch.data.clone()
        data[hit] = self.function(batch.data[hit])
        return Batch(data, batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing, unless it is always applied."""
        return Batch(self.function(batch.data), batch.domain) if self.fixed else batch


def mirror(data: Tensor) -> Tensor:
    """Left to right."""
    return data.flip(-1)


def upend(data: Tensor) -> Tensor:
    """Top to bottom."""
    return data.flip(-2)


COMPILERS: dict[type, Callable[[Any], Step | None]] = {
    T.RandomHorizontalFlip: lambda operation: Sometimes(operation.p, mirror),
    T.RandomVerticalFlip: lambda operation: Sometimes(operation.p, upend),
}
