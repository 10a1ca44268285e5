"""Random numbers for a whole batch, with the distributions that torchvision draws one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_ATTEMPTS = 10  # that torchvision makes to find a rectangle that fits


def uniform(count: int, bounds: Sequence[float], generator: torch.Generator) -> Tensor:
    """Between two bounds, float32 (count,)."""
    low, high = bounds
    return torch.rand(count, generator=generator) * (high - low) + low


def below(limits: Tensor, generator: torch.Generator) -> Tensor:
    """Whole numbers from 0 to each limit, the limit left out; int64, shaped as `limits`."""
    drawn = torch.rand(limits.shape, generator=generator, dtype=torch.float64)
    return (drawn * limits).long()


def rectangles(
    count: int,
    area: int,
    scale: Sequence[float],
    ratio: Sequence[float],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Sides of ten random rectangles for each image, to take the first that fits.

    Args:
        count: Images.
        area: Pixels of an image.
        scale: Bounds of the share of the area, drawn uniformly.
        ratio: Bounds of the first side over the second, drawn uniformly in its logarithm.
        generator: Drawn from.

    Returns:
        First and second sides, int64 (count, 10).
    """
    shape = count * _ATTEMPTS
    areas = area * uniform(shape, scale, generator).double()
    logarithms = [math.log(each) for each in ratio]
    ratios = uniform(shape, logarithms, generator).double().exp()
    first, second = (areas * ratios).sqrt().round(), (areas / ratios).sqrt().round()
    return first.long().view(count, -1), second.long().view(count, -1)


def first_that_fits(fits: Tensor, *sides: Tensor) -> tuple[Tensor, ...]:
    """Of each row the first attempt that fits: whether there is one, then the chosen sides."""
    position = fits.int().argmax(dim=1, keepdim=True)
    return (fits.any(dim=1), *(each.gather(1, position).squeeze(1) for each in sides))
