"""Random operations: the same distribution as torchvision's, by what comes out of many draws."""

import random

import composed
import pytest
import torch
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as Mode

from lemur2.transforms.compiler import step_for
from lemur2.transforms.steps import Batch

DRAWS = 800
RANDOM = {
    "RandomHorizontalFlip": T.RandomHorizontalFlip(0.3),
    "RandomVerticalFlip": T.RandomVerticalFlip(0.7),
    "RandomCrop": T.RandomCrop(12, padding=3),
    "RandomCrop, reflected": T.RandomCrop((14, 10), padding=(2, 4), padding_mode="reflect"),
    "RandomGrayscale": T.RandomGrayscale(0.4),
    "RandomInvert": T.RandomInvert(0.4),
    "RandomPosterize": T.RandomPosterize(2, 0.4),
    "RandomSolarize": T.RandomSolarize(90, 0.4),
    "RandomAutocontrast": T.RandomAutocontrast(0.4),
    "RandomEqualize": T.RandomEqualize(0.4),
    "RandomAdjustSharpness": T.RandomAdjustSharpness(3, 0.4),
    "ColorJitter, brightness": T.ColorJitter(0.5),
    "ColorJitter, contrast": T.ColorJitter(contrast=0.5),
    "ColorJitter, saturation": T.ColorJitter(saturation=0.8),
    "ColorJitter, hue": T.ColorJitter(hue=0.3),
    "ColorJitter, all": T.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "RandomRotation": T.RandomRotation((-10, 40)),
    "RandomRotation, bilinear": T.RandomRotation(25, Mode.BILINEAR, fill=30),
    "RandomAffine": T.RandomAffine((0, 30), (0.1, 0.2), (0.7, 1.2), 10, Mode.BILINEAR),
    "RandomAffine, sheared both ways": T.RandomAffine(0, shear=(-5, 15, 0, 20)),
    "RandomResizedCrop": T.RandomResizedCrop(10),
    "RandomResizedCrop, narrow": T.RandomResizedCrop((8, 12), (0.3, 0.9), (1.5, 2.5)),
    "GaussianBlur": T.GaussianBlur(5, (0.2, 3.0)),
    "RandomApply": T.RandomApply([T.ColorJitter(0.5), T.RandomVerticalFlip(0.5)], p=0.3),
    "RandomChoice": T.RandomChoice([T.RandomInvert(1), T.RandomHorizontalFlip(1)], p=[0.2, 0.8]),
}
ON_TENSORS = {
    "RandomErasing": T.RandomErasing(0.6),
    "RandomErasing, per channel": T.RandomErasing(0.9, (0.1, 0.5), (0.5, 1), (0.1, 0.9, 0.5)),
    "RandomErasing, noise": T.RandomErasing(0.9, value="random"),
    "RandomCrop": T.RandomCrop(12, padding=3),
    "ColorJitter": T.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "RandomAffine": T.RandomAffine((0, 30), (0.1, 0.2), (0.7, 1.2), 10, Mode.BILINEAR),
}


def assert_alike(drawn, expected, level):
    """Mean and deviation of every pixel agree, within six standard errors and a level."""
    assert drawn.shape == expected.shape
    drawn, expected = drawn.double(), expected.double()
    deviation = torch.maximum(drawn.std(0), expected.std(0))
    error = 6 * deviation * (2 / DRAWS) ** 0.5
    assert bool(((drawn.mean(0) - expected.mean(0)).abs() <= error + level).all())
    tails = torch.maximum(*(tailedness(each) for each in (drawn, expected)))
    spread = (drawn.std(0) - expected.std(0)).abs()
    assert bool((spread <= error * (tails / 4).sqrt() + level).all())
    assert float(deviation.max()) > 2 * level  # there was something to compare


def tailedness(values):
    """Fourth moment over the squared variance: how uncertain an estimated deviation is."""
    centred = values - values.mean(0)
    return (centred**4).mean(0) / (centred**2).mean(0).square().clamp(min=1e-12)


def repeated(image):
    return image.expand(DRAWS, -1, -1, -1).contiguous()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(5)
    random.seed(5)


@pytest.mark.parametrize("name", RANDOM)
def test_on_images(name):
    batch = repeated(composed.smooth_images(1, 3, 16, 16, seed=3) // 2 + 60)
    drawn = step_for(RANDOM[name]).train(Batch(batch, "image"), torch.Generator().manual_seed(1))
    assert_alike(drawn.data, composed.one_by_one(RANDOM[name], batch), 1)


@pytest.mark.parametrize("name", ON_TENSORS)
def test_on_tensors(name):
    batch = repeated(composed.smooth_images(1, 3, 16, 16, seed=3)) / 255
    operation = ON_TENSORS[name]
    drawn = step_for(operation).train(Batch(batch, "tensor"), torch.Generator().manual_seed(1))
    assert_alike(drawn.data, composed.one_by_one(operation, batch, as_images=False), 1 / 255)


def test_flip_rate():
    batch = repeated(composed.random_images(1, 3, 8, 8))
    step = step_for(T.RandomHorizontalFlip(0.24))
    flipped = step.train(Batch(batch, "image"), torch.Generator().manual_seed(2)).data
    rate = (flipped == batch.flip(-1)).flatten(1).all(1).double().mean()
    assert abs(float(rate) - 0.24) < 0.05


def test_crop_offsets_are_uniform():
    numbered = torch.arange(36, dtype=torch.uint8).reshape(1, 1, 6, 6)
    step = step_for(T.RandomCrop(4))
    crops = step.train(Batch(repeated(numbered), "image"), torch.Generator().manual_seed(2)).data
    corners = torch.bincount(crops[:, 0, 0, 0].long(), minlength=36).double() / DRAWS
    possible = [6 * row + column for row in range(3) for column in range(3)]
    assert float(corners[possible].sum()) == pytest.approx(1)
    assert float((corners[possible] - 1 / 9).abs().max()) < 0.04


def test_images_of_a_batch_are_drawn_apart():
    batch = repeated(composed.smooth_images(1, 3, 16, 16))[:200]
    for operation in (T.ColorJitter(0.5), T.RandomRotation(30), T.RandomResizedCrop(16)):
        result = step_for(operation).train(Batch(batch, "image"), torch.Generator()).data
        assert len(result.flatten(1).unique(dim=0)) > 100
