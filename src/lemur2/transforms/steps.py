"""What a compiled pipeline is made of: batches, steps, and the deterministic operations.

A step does to a whole batch what a torchvision operation does to one image. What an operation
does depends on what it is handed (a PIL image before `ToTensor`, a tensor after), so a batch
knows which of these its samples stand for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

Domain = Literal["image", "array", "tensor", "ragged"]


@dataclass(frozen=True)
class Batch:
    """Samples on their way through a pipeline.

    Attributes:
        data: (N, C, H, W); uint8 where they stand for PIL images. An empty tensor where ragged.
        domain: What the original operations would be handed: PIL images (`image`), height x
            width x channel arrays (`array`), tensors, or samples that do not stack (`ragged`).
        samples: The samples one by one, only where ragged.
    """

    data: Tensor
    domain: Domain
    samples: tuple[Any, ...] = ()


class Step(ABC):
    """One operation on a batch. Not random unless a subclass says so.

    Attributes:
        domains: What it can be handed; anything else goes image by image.
        becomes: What the samples are afterwards; None where that does not change.
        fixed: Whether the result depends on nothing but the input.
        keeps_shape: Whether it gives the shape that it is handed, always.
    """

    domains: tuple[Domain, ...] = ("image", "tensor")
    becomes: Domain | None = None
    fixed: bool = True
    keeps_shape: bool = False

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Apply it, drawing from `generator` what is random."""
        return self.evaluate(batch)

    @abstractmethod
    def evaluate(self, batch: Batch) -> Batch:
        """Apply its deterministic form."""


class Whole(Step):
    """An operation of torchvision's that takes a batch as it takes one image."""

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        domains: tuple[Domain, ...] = ("image", "tensor"),
    ) -> None:
        self.function = function
        self.domains = domains

    def evaluate(self, batch: Batch) -> Batch:
        """Apply it."""
        return Batch(self.function(batch.data), batch.domain)


class Resize(Step):
    """`Resize`, as Pillow does it for images: always antialiased, on uint8."""

    def __init__(self, operation: T.Resize) -> None:
        self.operation = operation

    def evaluate(self, batch: Batch) -> Batch:
        """Resize; the very same data where nothing changes."""
        if batch.domain == "tensor":
            return Batch(self.operation(batch.data), batch.domain)
        size, longest = self.operation.size, self.operation.max_size
        return Batch(
            resize_images(batch.data, size, self.operation.interpolation, longest), "image"
        )


def resize_images(
    images: Tensor, size: int | list[int], mode: InterpolationMode, longest: int | None = None
) -> Tensor:
    """Resize uint8 (N, C, H, W) as Pillow does, at a quarter of its time.

    Most values are equal, some differ by one level; at odd ratios one in some thousands by two.
    """
    if mode is InterpolationMode.NEAREST:
        mode = InterpolationMode.NEAREST_EXACT  # Pillow's nearest takes the centre of a pixel
    sizes = [size] if isinstance(size, int) else list(size)
    return F2.resize(images, sizes, mode, max_size=longest, antialias=True)


def unit(images: Tensor) -> Tensor:
    """uint8 to float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)  # twice as fast as dividing the integers


class ToTensor(Step):
    """`ToTensor`: images to float32 in [0, 1]; float arrays as they are."""

    domains = ("image", "array")
    becomes = "tensor"

    def evaluate(self, batch: Batch) -> Batch:
        """Convert."""
        return Batch(unit(batch.data) if batch.domain == "image" else batch.data, "tensor")


class ToNormalized(Step):
    """`ToTensor` and `Normalize` in one pass over the data."""

    domains = ("image",)
    becomes = "tensor"

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        self.scale = (1 / (255 * std.double())).float().view(-1, 1, 1)
        self.shift = (-mean.double() / std.double()).float().view(-1, 1, 1)

    def evaluate(self, batch: Batch) -> Batch:
        """Convert and normalise, within float32 rounding of the two apart."""
        values = batch.data.to(torch.float32)
        return Batch(values.mul_(self.scale).add_(self.shift), "tensor")


def luminance(images: Tensor) -> Tensor:
    """Pillow's conversion to grey, exactly: uint8 (N, 3, H, W) to (N, 1, H, W).

    Pillow weighs by multiples of 1/65536; with them every sum of levels is exact in float32.
    """
    weighted = _GREY_WEIGHTS @ images.flatten(2).float()
    return weighted.add_(0.5).to(torch.uint8).view(-1, 1, *images.shape[-2:])


_GREY_WEIGHTS = torch.tensor([[19595, 38470, 7471]]) / 65536


class Grayscale(Step):
    """`Grayscale` to one channel, or to three equal ones."""

    def __init__(self, operation: T.Grayscale) -> None:
        self.operation = operation

    def evaluate(self, batch: Batch) -> Batch:
        """Convert."""
        if batch.domain == "tensor":
            return Batch(self.operation(batch.data), batch.domain)
        grey = luminance(batch.data) if batch.data.shape[-3] == 3 else batch.data
        return Batch(grey.repeat(1, self.operation.num_output_channels, 1, 1), "image")


class ScaleToUnit(Step):
    """The `complex` family's first helper: images to float32 arrays in [0, 1]."""

    domains = ("image",)
    becomes = "array"

    def evaluate(self, batch: Batch) -> Batch:
        """Convert."""
        return Batch(unit(batch.data), "array")


class PilToTensor(Step):
    """`PILToTensor`: the same values, as tensors."""

    domains = ("image",)
    becomes = "tensor"

    def evaluate(self, batch: Batch) -> Batch:
        """Convert."""
        return Batch(batch.data, "tensor")


def _resize(operation: T.Resize) -> Step | None:
    return Resize(operation) if operation.interpolation in RESIZABLE else None


RESIZABLE = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)


def pad(data: Tensor, padding: int | Sequence[int], fill: Any, mode: str) -> Tensor:
    """Pad (N, C, H, W) as torchvision pads one image; `fill` may be a number for each channel."""
    sides = [padding] if isinstance(padding, int) else list(padding)
    if mode != "constant" or isinstance(fill, int | float):
        return F.pad(data, sides, fill if mode == "constant" else 0, mode)
    inside = F.pad(torch.ones_like(data, dtype=torch.bool), sides)
    colour = torch.as_tensor(fill).to(data.dtype).view(-1, 1, 1)
    return torch.where(inside, F.pad(data, sides), colour)


def _pad(rule: T.Pad) -> Step:
    return Whole(lambda data: pad(data, rule.padding, rule.fill, rule.padding_mode))


COMPILERS: dict[type, Callable[[Any], Step | None]] = {
    T.Resize: _resize,
    T.CenterCrop: Whole,
    T.Pad: _pad,
    T.Grayscale: Grayscale,
    T.ToTensor: lambda _: ToTensor(),
    T.PILToTensor: lambda _: PilToTensor(),
    T.Normalize: lambda operation: Whole(operation, ("tensor",)),
    T.LinearTransformation: lambda operation: Whole(operation, ("tensor",)),
    T.ConvertImageDtype: lambda operation: Whole(operation, ("tensor",)),
}
