"""A transform's pipeline against its file, run by torchvision over one PIL image at a time."""

import random

import numpy as np
import torch
from PIL import Image

from lemur2.transforms.pipeline import Pipeline

DRAWS = 500
SLOW = ("AugMix", "ElasticTransform", "RandAugment", "RandomPerspective", "TrivialAugmentWide")
NORM = ((0.4, 0.5, 0.6), (0.25, 0.25, 0.25))
_LEVEL = 0.035  # about two of 255 levels after normalising: where resamplers round differently


def assert_same_distribution(source):
    """Mean and deviation of every value agree, within six standard errors and a few levels."""
    image = _smooth_image()
    drawn = Pipeline(source, *NORM).train(
        image.expand(DRAWS, -1, -1, -1).contiguous(), torch.Generator().manual_seed(1)
    )
    namespace = {}
    exec(source, namespace)
    transform = namespace["transform"](NORM)
    torch.manual_seed(2)
    random.seed(2)
    pixels = Image.fromarray(image[0].permute(1, 2, 0).contiguous().numpy())
    expected = torch.stack([transform(pixels) for _ in range(DRAWS)])
    deviation = torch.maximum(drawn.std(0), expected.std(0))
    error = 6 * deviation * (2 / DRAWS) ** 0.5
    assert ((drawn.mean(0) - expected.mean(0)).abs() <= error + 2 * _LEVEL).all(), source
    tails = torch.maximum(_tails(drawn), _tails(expected))
    spread = (drawn.std(0) - expected.std(0)).abs()
    assert (spread <= error * (tails / 4).sqrt() + 2 * _LEVEL).all(), source


def _tails(values):
    centred = values - values.mean(0)
    return (centred**4).mean(0) / (centred**2).mean(0).square().clamp(min=1e-12)


def _smooth_image():
    coarse = np.random.default_rng(0).random((1, 3, 4, 4)).astype(np.float32)
    image = torch.nn.functional.interpolate(torch.from_numpy(coarse), (32, 32), mode="bicubic")
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)
