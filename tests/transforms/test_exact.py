"""Deterministic operations, and random ones that have no choice, against torchvision."""

import composed
import numpy as np
import pytest
import torch
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode as Mode

from lemur2.datasets import prepare
from lemur2.transforms import transform_names, transform_source
from lemur2.transforms.compiler import step_for
from lemur2.transforms.pipeline import Pipeline
from lemur2.transforms.steps import Batch


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    found = prepare("mnist-5k", cache=tmp_path_factory.mktemp("cache"))
    return torch.from_numpy(np.array(found.inputs("train")[:64]))


PLAIN = [name for name in transform_names() if not name.endswith("_flip") and "512" not in name]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("kind", ["digits", "colour", "oblong"])
def test_named_transforms(name, kind, digits):
    batch = {
        "digits": digits[:8],
        "colour": composed.random_images(8, 3, 32, 32),
        "oblong": composed.random_images(8, 3, 40, 51),
    }[kind]
    source, channels = transform_source(name).source, batch.shape[1]
    pipeline = Pipeline(source, *(each[:channels] for each in composed.NORM))
    expected = composed.one_by_one(composed.compose(source, channels), batch)
    for result in (pipeline.evaluate(batch), pipeline.train(batch, torch.Generator())):
        assert result.dtype == expected.dtype
        level = 1 / 255 / (0.2 if name.startswith("norm") else 1)
        tolerance = 1.01 * level if "_" in name else 1e-6
        assert (result - expected).abs().max() <= tolerance
    assert pipeline.per_image == ()


SHAPING = {
    "Resize, nearest": T.Resize(47, Mode.NEAREST),
    "Resize, bicubic": T.Resize((20, 51), Mode.BICUBIC),
    "Resize, smaller": T.Resize(20),
    "Resize, longest side": T.Resize(20, max_size=22),
    "CenterCrop": T.CenterCrop(20),
    "CenterCrop, odd": T.CenterCrop((19, 24)),
    "CenterCrop, larger than the image": T.CenterCrop(41),
    "Pad": T.Pad((1, 2, 3, 4), fill=7),
    "Pad, reflect": T.Pad(3, padding_mode="reflect"),
    "Pad, symmetric": T.Pad((2, 3), padding_mode="symmetric"),
    "Pad, edge": T.Pad((2, 3), padding_mode="edge"),
    "Grayscale": T.Grayscale(1),
    "Grayscale, three": T.Grayscale(3),
    "RandomResizedCrop of everything": T.RandomResizedCrop(24, (1, 1), (1, 1)),
}
ALWAYS = {
    "RandomHorizontalFlip": T.RandomHorizontalFlip(1),
    "RandomVerticalFlip": T.RandomVerticalFlip(1),
    "RandomGrayscale": T.RandomGrayscale(1),
    "RandomInvert": T.RandomInvert(1),
    "RandomPosterize": T.RandomPosterize(3, 1),
    "RandomSolarize": T.RandomSolarize(100, 1),
    "RandomAutocontrast": T.RandomAutocontrast(1),
    "RandomEqualize": T.RandomEqualize(1),
    "RandomAdjustSharpness, more": T.RandomAdjustSharpness(2.0, 1),
    "RandomAdjustSharpness, less": T.RandomAdjustSharpness(0.5, 1),
    "GaussianBlur": T.GaussianBlur(5, 1.3),
    "GaussianBlur, oblong": T.GaussianBlur((3, 7), 0.6),
    "ColorJitter, darker": T.ColorJitter(brightness=(0.3, 0.3)),
    "ColorJitter, brighter": T.ColorJitter(brightness=(1.7, 1.7)),
    "ColorJitter, less contrast": T.ColorJitter(contrast=(0.4, 0.4)),
    "ColorJitter, more contrast": T.ColorJitter(contrast=(1.9, 1.9)),
    "ColorJitter, duller": T.ColorJitter(saturation=(0.3, 0.3)),
    "ColorJitter, richer": T.ColorJitter(saturation=(2, 2)),
    "RandomRotation": T.RandomRotation((20, 20)),
    "RandomRotation, bilinear": T.RandomRotation((-33, -33), Mode.BILINEAR, fill=9),
    "RandomRotation, off centre": T.RandomRotation((33, 33), Mode.BILINEAR, center=(4, 9)),
    "RandomAffine": T.RandomAffine((10, 10), scale=(0.8, 0.8), shear=(5, 5, 7, 7)),
    "RandomAffine, bilinear": T.RandomAffine(
        (10, 10), None, (1.3, 1.3), (5, 5, -7, -7), Mode.BILINEAR, fill=100, center=(3, 20)
    ),
}


def rare(name):
    """Share of values that may be further off: two levels after resizing, ties between pixels."""
    ties = "nearest" in name or name in ("RandomRotation", "RandomAffine")
    return 0.03 if ties else 0.001 * name.startswith(("Resize", "RandomResizedCrop"))


def share_beyond(result, expected, level):
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    difference = (result.double() - expected.double()).abs()
    return float((difference > 1.01 * level).double().mean())


@pytest.mark.parametrize("name", [*SHAPING, *ALWAYS])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 30, 37)])
def test_on_images(name, shape):
    """Within one level, but for a few."""
    operation = {**SHAPING, **ALWAYS}[name]
    batch = composed.smooth_images(8, *shape)
    result = step_for(operation).train(Batch(batch, "image"), torch.Generator())
    assert result.domain == "image"
    expected = composed.one_by_one(operation, batch)
    assert share_beyond(result.data, expected, 1) <= rare(name)


@pytest.mark.parametrize(
    "name", [name for name in (*SHAPING, *ALWAYS) if not name.endswith(("rize", "Equalize"))]
)
def test_on_tensors(name):
    operation = {**SHAPING, **ALWAYS}[name]
    batch = composed.smooth_images(8, 3, 30, 37) / 255
    if isinstance(operation, T.RandomSolarize):
        operation = T.RandomSolarize(0.4, 1)
    result = step_for(operation).train(Batch(batch, "tensor"), torch.Generator())
    assert result.domain == "tensor"
    expected = composed.one_by_one(operation, batch, as_images=False)
    assert share_beyond(result.data, expected, 1e-3) <= rare(name)


def test_hue_within_pillows_quantisation():
    operation = T.ColorJitter(hue=(0.2, 0.2))
    batch = composed.smooth_images(8, 3, 32, 32)
    result = step_for(operation).train(Batch(batch, "image"), torch.Generator()).data
    expected = composed.one_by_one(operation, batch)
    assert share_beyond(result, expected, 10) < 0.001
    assert (result.double() - expected.double()).abs().mean() < 1
    floats = step_for(operation).train(Batch(batch / 255, "tensor"), torch.Generator()).data
    exact = composed.one_by_one(operation, batch / 255, as_images=False)
    assert share_beyond(floats, exact, 1e-5) == 0


def test_padding_with_a_colour():
    operation = T.Pad((1, 2), fill=(10, 20, 30))
    batch = composed.random_images(4, 3, 8, 9)
    result = step_for(operation).evaluate(Batch(batch, "image")).data
    assert torch.equal(result, composed.one_by_one(operation, batch))


@pytest.mark.parametrize("padding", [None, 4, (1, 3), (1, 2, 3, 4)])
def test_every_crop_is_a_window_of_the_padded_image(padding):
    operation = T.RandomCrop((9, 8), padding=padding, pad_if_needed=True, fill=5)
    batch = composed.random_images(40, 3, 10, 9)
    crops = step_for(operation).train(Batch(batch, "image"), torch.Generator()).data
    padded = batch if padding is None else T.Pad(padding, fill=5)(batch)
    windows = padded.unfold(2, 9, 1).unfold(3, 8, 1)
    for crop, mine in zip(crops, windows, strict=True):
        options = mine.permute(1, 2, 0, 3, 4).flatten(0, 1)
        assert (options == crop).flatten(1).all(1).any()


def test_crop_larger_than_the_image_is_refused():
    step = step_for(T.RandomCrop(40))
    with pytest.raises(ValueError, match="40x40 does not fit"):
        step.train(Batch(composed.random_images(2, 1, 28, 28), "image"), torch.Generator())
