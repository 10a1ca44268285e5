"""Random rotations, affine maps, resized crops and blurs for a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from lemur2.transforms.draws import below, first_that_fits, rectangles, uniform
from lemur2.transforms.steps import RESIZABLE, Batch, Step, resize_images

WARPABLE = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)
_NONE = (0.0, 0.0)


class Warp(Step):
    """`RandomAffine` and `RandomRotation`: an affine map of its own for each image.

    Positions are Pillow's: pixel (0, 0) covers [0, 1) x [0, 1), and what falls outside the image
    is filled. Nothing in evaluation, unless there is nothing random about it.
    """

    keeps_shape = True

    def __init__(
        self,
        degrees: Sequence[float],
        operation: T.RandomAffine | T.RandomRotation,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: Sequence[float] | None = None,
    ) -> None:
        self.degrees = degrees
        self.translate = translate or _NONE
        self.scale = scale or (1.0, 1.0)
        self.shear = (*(shear or _NONE), *_NONE)[:4]
        self.operation = operation
        ranges = (self.degrees, self.scale, self.shear[:2], self.shear[2:])
        self.fixed = all(low == high for low, high in ranges) and not any(self.translate)

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Draw a map for each image and apply it."""
        height, width = batch.data.shape[-2:]
        maps = self._maps(len(batch.data), height, width, generator)
        x, y = _sources(maps, height, width)
        colour = torch.as_tensor(self.operation.fill).to(batch.data.dtype).view(-1, 1, 1)
        if self.operation.interpolation is InterpolationMode.BILINEAR and batch.domain == "tensor":
            return Batch(_mix_tensors(batch.data, x, y, colour), batch.domain)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        nearest = self.operation.interpolation is InterpolationMode.NEAREST
        warped = _pick(batch.data, x, y) if nearest else _mix_images(batch.data, x, y)
        return Batch(torch.where(inside[:, None], warped, colour), batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing, unless the map is always the same."""
        return self.train(batch, torch.Generator()) if self.fixed else batch

    def _maps(self, count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Output position to input position, float64 (count, 2, 3)."""
        angle = torch.deg2rad(uniform(count, self.degrees, generator).double())
        limits = (self.translate[0] * width, self.translate[1] * height)
        shift = torch.stack([uniform(count, (-each, each), generator) for each in limits]).round()
        scale = uniform(count, self.scale, generator).double()
        shear_x = torch.deg2rad(uniform(count, self.shear[:2], generator).double())
        shear_y = torch.deg2rad(uniform(count, self.shear[2:], generator).double())
        forward = _linear(angle, shear_x, shear_y) * scale[:, None, None]
        inverse = torch.linalg.inv(forward)
        centre = torch.tensor(self.operation.center or (width / 2, height / 2)).double()
        moved = centre[:, None] + shift.double()
        offset = centre[:, None] - torch.einsum("nij,jn->in", inverse, moved)
        return torch.cat([inverse, offset.T[:, :, None]], dim=2)


def _sources(maps: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where each output pixel's centre comes from: x and y, float32 (N, H, W)."""
    rows, columns = torch.arange(height).double() + 0.5, torch.arange(width).double() + 0.5
    along_columns = maps[:, :, :1] * columns
    along_rows = maps[:, :, 1:2] * rows + maps[:, :, 2:]
    sources = along_columns.float()[:, :, None, :] + along_rows.float()[:, :, :, None]
    return sources[:, 0], sources[:, 1]


def _linear(angle: Tensor, shear_x: Tensor, shear_y: Tensor) -> Tensor:
    """Shear along x, then along y, then rotate: (N, 2, 2)."""
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    rotate = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1)
    along_y = torch.stack([one, zero, -shear_y.tan(), one], dim=1)
    along_x = torch.stack([one, -shear_x.tan(), zero, one], dim=1)
    first, second, third = (each.view(-1, 2, 2) for each in (rotate, along_y, along_x))
    return first @ second @ third


def _pick(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    column = x.floor().clamp(0, width - 1).long()
    row = y.floor().clamp(0, height - 1).long()
    position = (row * width + column).flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, position).view_as(images)


def _mix_images(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear, as Pillow: the border goes on outside, and levels are truncated."""
    mixed = _sample(images.float(), x, y, "border")
    return (mixed + 1e-3).clamp_(0, 255).to(torch.uint8)


def _mix_tensors(values: Tensor, x: Tensor, y: Tensor, colour: Tensor) -> Tensor:
    """Bilinear, as torchvision on tensors: the border fades into the fill."""
    floating = values if values.is_floating_point() else values.float()
    covered = _sample(torch.ones_like(floating[:, :1]), x, y, "zeros")
    mixed = _sample(floating, x, y, "zeros") * covered + (1 - covered) * colour
    return mixed if values.is_floating_point() else mixed.round().to(values.dtype)


def _sample(values: Tensor, x: Tensor, y: Tensor, outside: str) -> Tensor:
    height, width = values.shape[-2:]
    grid = torch.stack([2 * x / width - 1, 2 * y / height - 1], dim=-1).to(values.dtype)
    return torch.nn.functional.grid_sample(
        values, grid, mode="bilinear", padding_mode=outside, align_corners=False
    )


class RandomResizedCrop(Step):
    """`RandomResizedCrop`; a plain resize in evaluation."""

    fixed = False

    def __init__(self, operation: T.RandomResizedCrop) -> None:
        self.operation = operation

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Cut a rectangle of its own out of each image and bring it to the size."""
        top, left, rows, columns = self._windows(batch.data, generator)
        height, width = self.operation.size
        result = torch.empty((*batch.data.shape[:2], height, width), dtype=batch.data.dtype)
        for number, image in enumerate(batch.data.split(1)):
            i, j, h, w = top[number], left[number], rows[number], columns[number]
            window = image[..., i : i + h, j : j + w]
            result[number] = self._resized(window, batch.domain == "image")[0]
        return Batch(result, batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Resize the whole image."""
        return Batch(self._resized(batch.data, batch.domain == "image"), batch.domain)

    def _resized(self, data: Tensor, as_image: bool) -> Tensor:
        rule = self.operation
        if as_image and rule.interpolation is InterpolationMode.BILINEAR:
            return torch.nn.functional.interpolate(
                data, rule.size, mode="bilinear", antialias=True
            )  # what resize_images comes to, without its overhead for every image
        if as_image:
            return resize_images(data, list(rule.size), rule.interpolation)
        return F.resize(data, list(rule.size), rule.interpolation, antialias=rule.antialias)

    def _windows(self, data: Tensor, generator: torch.Generator) -> list[list[int]]:
        """Top, left, height and width of the windows; the centre where no attempt fits."""
        rule, (height, width) = self.operation, data.shape[-2:]
        count = len(data)
        wide, tall = rectangles(count, height * width, rule.scale, rule.ratio, generator)
        fits = (wide > 0) & (wide <= width) & (tall > 0) & (tall <= height)
        found, columns, rows = first_that_fits(fits, wide, tall)
        centre_rows, centre_columns = _centre(height, width, rule.ratio)
        rows = torch.where(found, rows, centre_rows)
        columns = torch.where(found, columns, centre_columns)
        top = torch.where(found, below(height - rows + 1, generator), (height - rows) // 2)
        left = torch.where(found, below(width - columns + 1, generator), (width - columns) // 2)
        return [each.tolist() for each in (top, left, rows, columns)]


def _centre(height: int, width: int, ratio: Sequence[float]) -> tuple[int, int]:
    """The largest window whose width over height is within bounds."""
    rows = height if width / height >= min(ratio) else round(width / min(ratio))
    columns = width if width / height <= max(ratio) else round(height * max(ratio))
    return rows, columns


class GaussianBlur(Step):
    """`GaussianBlur`; skipped in evaluation, unless its strength is always the same."""

    keeps_shape = True

    def __init__(self, operation: T.GaussianBlur) -> None:
        self.kernel = operation.kernel_size  # width, height
        self.bounds = operation.sigma
        self.fixed = self.bounds[0] == self.bounds[1]

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Blur each image by a strength of its own."""
        strength = uniform(len(batch.data), self.bounds, generator)
        return Batch(self._blurred(batch.data, strength), batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing, unless there is nothing random about it."""
        if not self.fixed:
            return batch
        strength = torch.full((len(batch.data),), float(self.bounds[0]))
        return Batch(self._blurred(batch.data, strength), batch.domain)

    def _blurred(self, images: Tensor, strength: Tensor) -> Tensor:
        across, down = self.kernel
        values = images.float() if images.dtype == torch.uint8 else images
        sides = [across // 2, across // 2, down // 2, down // 2]
        padded = torch.nn.functional.pad(values, sides, mode="reflect")
        blurred = _weighted(
            _weighted(padded, _bell(across, strength), -1), _bell(down, strength), -2
        )
        return blurred.round().to(torch.uint8) if images.dtype == torch.uint8 else blurred


def _weighted(values: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Convolve each image by its own weights along an axis: a sum of shifted copies."""
    size = weights.shape[1]
    length = values.shape[axis] - size + 1
    factors = weights.to(values.dtype).T[..., None, None, None]
    total = values.narrow(axis, 0, length) * factors[0]
    for place in range(1, size):
        total.addcmul_(values.narrow(axis, place, length), factors[place])
    return total


def _bell(size: int, strength: Tensor) -> Tensor:
    """Normalised Gaussian weights, (N, size)."""
    half = (size - 1) / 2
    places = torch.linspace(-half, half, size)
    weights = torch.exp(-0.5 * (places / strength[:, None]) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)


def _affine(operation: T.RandomAffine) -> Step | None:
    if operation.interpolation not in WARPABLE:
        return None
    return Warp(operation.degrees, operation, operation.translate, operation.scale, operation.shear)


def _rotation(operation: T.RandomRotation) -> Step | None:
    if operation.interpolation not in WARPABLE or operation.expand:
        return None
    low, high = operation.degrees
    return Warp((-high, -low), operation)  # a rotation turns against the clock, an affine map with


def _resized_crop(operation: T.RandomResizedCrop) -> Step | None:
    return RandomResizedCrop(operation) if operation.interpolation in RESIZABLE else None


COMPILERS: dict[type, Callable[[Any], Step | None]] = {
    T.RandomAffine: _affine,
    T.RandomRotation: _rotation,
    T.RandomResizedCrop: _resized_crop,
    T.GaussianBlur: GaussianBlur,
}
