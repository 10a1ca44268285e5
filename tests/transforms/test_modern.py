"""Files written for `torchvision.transforms.v2`."""

import composed
import pytest
import torch

from lemur2.transforms.pipeline import Pipeline


def pipeline_of(*operations):
    source = composed.source_of(*operations).replace(
        "from torchvision import transforms", "from torchvision.transforms import v2 as transforms"
    )
    return Pipeline(source, *composed.NORM), composed.compose(source)


TO_FLOAT = ("ToImage()", "ToDtype(torch.float32, scale=True)", "Normalize(*norm)")


@pytest.mark.parametrize(
    "operations",
    [
        ("Resize(40)", "CenterCrop(36)", *TO_FLOAT),
        ("Resize((20, 24), interpolation=Mode.BICUBIC)", "ToTensor()"),
        ("ToImage()", "Resize(40, antialias=True)", "ToDtype(torch.float32, scale=True)"),
        ("Pad(2)", "Grayscale(3)", "PILToTensor()", "ConvertImageDtype(torch.float32)"),
        ("Compose([transforms.Identity(), transforms.RandomInvert(p=1)])", *TO_FLOAT),
        (
            "RandomSolarize(threshold=90, p=1)",
            "ToImage()",
            "ToDtype({'others': torch.float32}, scale=True)",
        ),
    ],
)
def test_gives_what_the_operations_give(operations):
    batch = composed.smooth_images(6, 3, 30, 37)
    pipeline, composition = pipeline_of(*operations)
    expected = composed.one_by_one(composition, batch)
    for result in (pipeline.evaluate(batch), pipeline.train(batch, torch.Generator())):
        assert result.dtype == expected.dtype
        scale = 0.2 if "Normalize(*norm)" in operations else 1
        assert (result - expected).abs().max() <= 1.01 / 255 / scale


@pytest.mark.parametrize(
    "random",
    [
        "RandomHorizontalFlip()",
        "ColorJitter(0.4, 0.4, 0.4)",
        "RandomRotation(20)",
        "RandomApply([transforms.GaussianBlur(3)], p=0.5)",
        "RandomChoice([transforms.RandomInvert(p=1), transforms.RandomVerticalFlip(p=1)])",
    ],
)
def test_augmentations_are_batched_and_left_out_of_evaluation(random):
    batch = composed.smooth_images(6, 3, 32, 32)
    pipeline, _ = pipeline_of(random, "ToImage()", "ToDtype(torch.float32, scale=True)")
    assert pipeline.per_image == ()
    assert torch.allclose(pipeline.evaluate(batch), batch / 255)
    assert not torch.allclose(pipeline.train(batch, torch.Generator().manual_seed(1)), batch / 255)


def test_crop_of_the_centre_in_evaluation():
    batch = composed.smooth_images(6, 3, 32, 32)
    pipeline, _ = pipeline_of("RandomCrop(28, padding=2)", "ToTensor()")
    assert torch.allclose(pipeline.evaluate(batch), batch[..., 2:30, 2:30] / 255)
    assert pipeline.train(batch, torch.Generator()).shape == (6, 3, 28, 28)


def test_what_has_no_counterpart_runs_image_by_image():
    batch = composed.smooth_images(6, 3, 32, 32)
    pipeline, composition = pipeline_of("Pad(2, fill={object: 3})", "ToTensor()")
    assert pipeline.per_image == ("Pad",)
    assert torch.equal(pipeline.evaluate(batch), composed.one_by_one(composition, batch))
