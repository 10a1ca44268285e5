"""Random flips, crops and erasures, drawn for every image of a batch at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import functional as F

from lemur2.transforms.draws import below, first_that_fits, rectangles
from lemur2.transforms.steps import Batch, Domain, Step, pad


class Sometimes(Step):
    """Applies a function to each image with a probability; always where that is 1."""

    keeps_shape = True

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
        if self.fixed:
            return self.evaluate(batch)
        hit = hits(len(batch.data), self.probability, generator)
        return Batch(replaced(batch.data, hit, self.function), batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing, unless it is always applied."""
        return Batch(self.function(batch.data), batch.domain) if self.fixed else batch


def hits(count: int, probability: float, generator: torch.Generator) -> Tensor:
    """Positions of the images that something happens to."""
    return (torch.rand(count, generator=generator) < probability).nonzero().squeeze(1)


def replaced(data: Tensor, hit: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A copy in which `function` has been applied to the images at some positions."""
    return replace(data.clone(), hit, function) if len(hit) else data


def replace(data: Tensor, hit: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `function` to the images at some positions, in place."""
    if len(hit) and data.dtype == torch.uint8:  # NumPy gathers bytes three times as fast
        rows, pixels = hit.numpy(), data.numpy()
        pixels[rows] = function(torch.from_numpy(pixels[rows])).numpy()
    elif len(hit):
        data[hit] = function(data[hit])
    return data


class Flip(Sometimes):
    """`RandomHorizontalFlip` and `RandomVerticalFlip`: along the last axis or the one before."""

    def __init__(self, probability: float, axis: int) -> None:
        super().__init__(probability, lambda data: data.flip(axis))
        self.axis = axis

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Flip the images that the draw hits."""
        if self.fixed or batch.domain != "image":
            return super().train(batch, generator)
        hit = hits(len(batch.data), self.probability, generator).numpy()
        pixels = batch.data.numpy()  # NumPy gathers and mirrors bytes three times as fast
        flipped = pixels.copy()
        flipped[hit] = np.flip(pixels[hit], self.axis)
        return Batch(torch.from_numpy(flipped), batch.domain)


class RandomCrop(Step):
    """`RandomCrop`, with its padding; the centre in evaluation."""

    fixed = False

    def __init__(self, operation: T.RandomCrop) -> None:
        self.operation = operation

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Cut a window at a place of its own out of each image."""
        padded = self._padded(batch.data)
        height, width = self.operation.size
        count = len(padded)
        free_rows, free_columns = padded.shape[-2] - height, padded.shape[-1] - width
        if free_rows < 0 or free_columns < 0:
            raise ValueError(
                f"RandomCrop: {height}x{width} does not fit into {tuple(padded.shape[-2:])}"
            )
        rows = below(torch.full((count,), free_rows + 1), generator)
        columns = below(torch.full((count,), free_columns + 1), generator)
        windows = padded.unfold(-2, height, 1).unfold(-2, width, 1)
        cut = windows[torch.arange(count), :, rows, columns]
        return Batch(cut, batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Cut the centre of the padded image."""
        return Batch(F.center_crop(self._padded(batch.data), self.operation.size), batch.domain)

    def _padded(self, data: Tensor) -> Tensor:
        rule = self.operation
        if rule.padding is not None:
            data = pad(data, rule.padding, rule.fill, rule.padding_mode)
        missing_rows, missing_columns = (
            rule.size[0] - data.shape[-2],
            rule.size[1] - data.shape[-1],
        )
        if rule.pad_if_needed and missing_columns > 0:
            data = pad(data, [missing_columns, 0], rule.fill, rule.padding_mode)
        if rule.pad_if_needed and missing_rows > 0:
            data = pad(data, [0, missing_rows], rule.fill, rule.padding_mode)
        return data


class RandomErasing(Step):
    """`RandomErasing`: a rectangle of each image that is hit; nothing in evaluation."""

    domains = ("tensor",)
    fixed = False
    keeps_shape = True

    def __init__(self, operation: T.RandomErasing) -> None:
        self.operation = operation

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Erase."""
        hit = hits(len(batch.data), self.operation.p, generator)
        return Batch(
            replaced(batch.data, hit, lambda data: self._erased(data, generator)), "tensor"
        )

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing."""
        return batch

    def _erased(self, data: Tensor, generator: torch.Generator) -> Tensor:
        count, height, width = len(data), data.shape[-2], data.shape[-1]
        rule = self.operation
        tall, wide = rectangles(count, height * width, rule.scale, rule.ratio, generator)
        found, rows, columns = first_that_fits((tall < height) & (wide < width), tall, wide)
        top = below(height - rows + 1, generator)
        left = below(width - columns + 1, generator)
        inside = _between(top, rows, height)[:, :, None] & _between(left, columns, width)[:, None]
        inside &= found[:, None, None]
        return torch.where(inside[:, None], self._value(data, generator), data)

    def _value(self, data: Tensor, generator: torch.Generator) -> Tensor:
        if isinstance(self.operation.value, str):
            return torch.randn(data.shape, generator=generator).to(data.dtype)
        return torch.as_tensor(self.operation.value).to(data.dtype).view(-1, 1, 1)


def _between(start: Tensor, length: Tensor, size: int) -> Tensor:
    positions = torch.arange(size)
    return (positions >= start[:, None]) & (positions < (start + length)[:, None])


COMPILERS: dict[type, Callable[[Any], Step | None]] = {
    T.RandomHorizontalFlip: lambda operation: Flip(operation.p, -1),
    T.RandomVerticalFlip: lambda operation: Flip(operation.p, -2),
    T.RandomCrop: RandomCrop,
    T.RandomErasing: RandomErasing,
}
