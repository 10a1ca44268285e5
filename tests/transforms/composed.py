"""The reference: torchvision's own operations, over one PIL image or tensor at a time."""

import numpy as np
import torch
from PIL import Image

NORM = ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))

HEADER = """
import torch
from torchvision import transforms
from torchvision.transforms import InterpolationMode as Mode

def transform(norm):
    return transforms.Compose([{}])
"""


def source_of(*operations):
    return HEADER.format(", ".join(f"transforms.{each}" for each in operations))


def compose(source, channels=3):
    namespace = {}
    exec(source, namespace)
    return namespace["transform"](tuple(each[:channels] for each in NORM))


def one_by_one(operation, batch, as_images=True):
    """Apply to each image of uint8 (N, C, H, W); results stacked as tensors of 0..255 or 0..1."""
    if not as_images:
        return torch.stack([operation(each) for each in batch])
    results = []
    for pixels in batch.numpy():
        image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0).squeeze()))
        result = operation(image)
        if isinstance(result, Image.Image):
            array = np.atleast_3d(np.asarray(result)).transpose(2, 0, 1)
            result = torch.from_numpy(array.copy())
        results.append(result)
    return torch.stack(results)


def random_images(count, *shape, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return torch.from_numpy(pixels)


def smooth_images(count, channels, height, width, seed=0):
    """Random images without sharp edges, over the whole range of levels."""
    coarse = np.random.default_rng(seed).random((count, channels, 4, 4)).astype(np.float32)
    images = torch.nn.functional.interpolate(
        torch.from_numpy(coarse), (height, width), mode="bicubic"
    )
    low, high = images.amin((-1, -2), keepdim=True), images.amax((-1, -2), keepdim=True)
    return ((images - low) / (high - low) * 255).round().to(torch.uint8)
