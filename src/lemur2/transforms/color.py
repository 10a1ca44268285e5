"""Random changes of colour, drawn for every image of a batch at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import functional as F

from lemur2.transforms.augment import Sometimes, replace
from lemur2.transforms.draws import uniform
from lemur2.transforms.steps import Batch, Step, luminance

Adjust = Callable[[Tensor, Tensor], Tensor]  # images (N, C, H, W), factors (N, 1, 1, 1)


class ColorJitter(Step):
    """`ColorJitter`: each image has its own factors and its own order; nothing in evaluation."""

    fixed = False
    keeps_shape = True

    def __init__(self, operation: T.ColorJitter) -> None:
        adjustments: list[tuple[Any, Adjust]] = [
            (operation.brightness, adjust_brightness),
            (operation.contrast, adjust_contrast),
            (operation.saturation, adjust_saturation),
            (operation.hue, adjust_hue),
        ]
        self.adjustments = [(bounds, adjust) for bounds, adjust in adjustments if bounds]

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Jitter. The order of the adjustments in use is as random as the order of all four."""
        data, count = batch.data.clone(), len(batch.data)
        factors = [uniform(count, bounds, generator) for bounds, _ in self.adjustments]
        ranks = torch.rand(count, len(factors), generator=generator).argsort(dim=1)
        for turn in range(len(factors)):
            for number, (_, adjust) in enumerate(self.adjustments):
                due = (ranks[:, turn] == number).nonzero().squeeze(1)
                replace(data, due, _with_factors(adjust, factors[number][due]))
        return Batch(data, batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing."""
        return batch


def _with_factors(adjust: Adjust, factors: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda data: adjust(data, factors.view(-1, 1, 1, 1))


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """`other` at factor 0, the images at 1, beyond them above; cut off at the range's ends.

    uint8 results are truncated, as Pillow does.
    """
    if images.dtype == torch.uint8:
        base = other.float()
        mixed = base + factor * (images.float() - base)
        return mixed.clamp_(0, 255).to(torch.uint8)
    return (factor * images + (1 - factor) * other).clamp_(0, 1)


def grey(images: Tensor) -> Tensor:
    """Lightness (N, 1, H, W); of Pillow's weights and rounding for uint8."""
    if images.shape[-3] == 1:
        return images
    return luminance(images) if images.dtype == torch.uint8 else F.rgb_to_grayscale(images)


def to_grey(images: Tensor) -> Tensor:
    """Lightness in every channel."""
    return grey(images).expand_as(images)


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Towards black."""
    return blend(images, torch.zeros_like(images), factor)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Towards the mean lightness, which Pillow rounds."""
    mean = grey(images).float().mean(dim=(-3, -2, -1), keepdim=True)
    return blend(images, (mean + 0.5).floor() if images.dtype == torch.uint8 else mean, factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Towards grey."""
    return blend(images, grey(images), factor)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue by `shift` of a full circle; grey images stay as they are.

    Pillow does this in steps of 1/255; this does it exactly, so results differ by some levels.
    """
    if images.shape[-3] == 1:
        return images
    scale = 255.0 if images.dtype == torch.uint8 else 1.0
    hue, saturation, value = _to_hsv(images / scale)
    turned = _to_rgb((hue + shift[:, 0]) % 1, saturation, value) * scale
    return turned.round_().to(torch.uint8) if images.dtype == torch.uint8 else turned


def _to_hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    red, green, blue = images.unbind(dim=-3)
    value, strongest = images.max(dim=-3)
    spread = value - images.amin(dim=-3)
    safe = torch.where(spread > 0, spread, 1)
    sectors = torch.stack(
        [(green - blue) / safe % 6, (blue - red) / safe + 2, (red - green) / safe + 4]
    )
    hue = sectors.gather(0, strongest.unsqueeze(0)).squeeze(0) / 6
    return hue, spread / torch.where(value > 0, value, 1), value


def _to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    channels = []
    for offset in (5, 3, 1):
        position = (offset + 6 * hue) % 6
        part = torch.minimum(position, 4 - position).clamp_(0, 1)
        channels.append(value - value * saturation * part)
    return torch.stack(channels, dim=-3)


def stretch(images: Tensor) -> Tensor:
    """Autocontrast: each channel's darkest level to the range's start, its lightest to the end."""
    if images.dtype != torch.uint8:
        return F.autocontrast(images)
    low = images.amin(dim=(-2, -1), keepdim=True).double()
    high = images.amax(dim=(-2, -1), keepdim=True).double()
    scale = 255 / (high - low).clamp(min=1)
    stretched = (images * scale - low * scale).clamp_(0, 255).to(torch.uint8)
    return torch.where(high > low, stretched, images)


def equalize(images: Tensor) -> Tensor:
    """Histogram equalisation of each channel by Pillow's integer arithmetic; uint8 only."""
    if images.dtype != torch.uint8:
        return F.equalize(images)  # which refuses it, as it does for one image
    levels = images.flatten(2).flatten(0, 1).long()  # one row for a channel of an image
    histogram = torch.zeros(len(levels), 256, dtype=torch.int64)
    histogram.scatter_add_(1, levels, torch.ones_like(levels))
    lightest = histogram.gather(1, levels.amax(dim=1, keepdim=True))
    step = (histogram.sum(dim=1, keepdim=True) - lightest) // 255
    before = histogram.cumsum(dim=1) - histogram
    table = ((step // 2 + before) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, table, torch.arange(256))
    return table.gather(1, levels).view_as(images).to(torch.uint8)


def _sometimes(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Step]:
    return lambda operation: Sometimes(operation.p, function)


COMPILERS: dict[type, Callable[[Any], Step | None]] = {
    T.ColorJitter: ColorJitter,
    T.RandomGrayscale: _sometimes(to_grey),
    T.RandomInvert: _sometimes(F.invert),
    T.RandomAutocontrast: _sometimes(stretch),
    T.RandomEqualize: _sometimes(equalize),
    T.RandomPosterize: lambda each: Sometimes(each.p, lambda data: F.posterize(data, each.bits)),
    T.RandomSolarize: lambda each: Sometimes(each.p, lambda data: F.solarize(data, each.threshold)),
    T.RandomAdjustSharpness: lambda each: Sometimes(
        each.p, lambda data: F.adjust_sharpness(data, each.sharpness_factor)
    ),
}
