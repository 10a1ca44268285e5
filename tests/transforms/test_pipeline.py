"""The pipeline as a whole: conformance, evaluation, fallbacks, the computed prefix, refusals."""

import random
import subprocess
import sys

import composed
import numpy as np
import pytest
import torch
from torchvision import transforms as T

from lemur2.architecture import Refusal
from lemur2.testing.transforms import TransformSuite
from lemur2.transforms import transform_names, transform_source
from lemur2.transforms.pipeline import Pipeline

TO_TENSOR = "ToTensor()"


class TestNamed(TransformSuite):
    @pytest.fixture(params=[name for name in transform_names() if "512" not in name])
    def source(self, request):
        return transform_source(request.param).source


class TestLarge(TransformSuite):
    raw_shapes = ((3, 32, 32),)

    @pytest.fixture(params=["norm_512_flip", "echo_512", "complex_512_flip"])
    def source(self, request):
        return transform_source(request.param).source


class TestMixed(TransformSuite):
    @pytest.fixture(
        params=[
            ("RandomCrop(24, padding=4)", "RandomVerticalFlip()", TO_TENSOR),
            ("RandomResizedCrop(20)", "ColorJitter(0.4, 0.4, 0.4, 0.1)", TO_TENSOR),
            ("Resize(40)", "RandAugment()", TO_TENSOR, "RandomErasing(0.9)"),
            (
                "RandomPerspective(p=1.0)",
                "RandomRotation(30, expand=True)",
                "Resize((9, 9))",
                TO_TENSOR,
            ),
            ("RandomApply([transforms.GaussianBlur(3)], p=0.5)", TO_TENSOR, "RandomAffine(9)"),
            ("RandomOrder([transforms.RandomInvert(), transforms.RandomSolarize(9)])", TO_TENSOR),
            (
                "FiveCrop(20)",
                "Lambda(lambda all: torch.stack([transforms.ToTensor()(x) for x in all]))",
            ),
            ("PILToTensor()", "ConvertImageDtype(torch.float32)", "Resize(16)"),
            (TO_TENSOR, "ToPILImage()", "RandomEqualize()", TO_TENSOR),
        ],
        ids=lambda each: each[0],
    )
    def source(self, request):
        return composed.source_of(*request.param)


def pipeline_of(*operations, channels=3):
    return Pipeline(composed.source_of(*operations), *(each[:channels] for each in composed.NORM))


def evaluated(batch, *operations):
    return pipeline_of(*operations, TO_TENSOR).evaluate(batch)


def as_tensor(batch):
    return batch / 255


@pytest.fixture
def batch():
    return composed.smooth_images(6, 3, 32, 32)


@pytest.mark.parametrize(
    "augmentation",
    [
        "RandomHorizontalFlip()",
        "ColorJitter(0.5, 0.5, 0.5, 0.2)",
        "RandomRotation(30)",
        "RandomRotation(30, expand=True)",
        "RandomAffine(30, interpolation=Mode.BICUBIC)",
        "RandomAffine(9, shear=5)",
        "RandomPerspective()",
        "RandomGrayscale()",
        "RandomEqualize()",
        "GaussianBlur(3)",
        "RandAugment()",
        "AutoAugment()",
        "TrivialAugmentWide()",
        "RandomApply([transforms.ColorJitter(0.5)], p=0.5)",
        "RandomChoice([transforms.RandomInvert(1), transforms.RandomVerticalFlip(1)])",
    ],
)
def test_evaluation_leaves_augmentations_out(augmentation, batch):
    assert torch.equal(evaluated(batch, augmentation), as_tensor(batch))


def test_evaluation_crops_the_centre_after_padding(batch):
    result = evaluated(batch, "RandomCrop(36, padding=(4, 0), pad_if_needed=True)")
    expected = T.CenterCrop(36)(T.Pad((4, 4))(batch))
    assert torch.equal(result, as_tensor(expected))


def test_evaluation_resizes_instead_of_a_random_resized_crop(batch):
    assert torch.equal(
        evaluated(batch, "RandomResizedCrop((20, 24))"), evaluated(batch, "Resize((20, 24))")
    )


@pytest.mark.parametrize(
    "always", ["RandomHorizontalFlip(1)", "RandomInvert(1)", "GaussianBlur(3, 1.0)"]
)
def test_evaluation_keeps_what_is_not_random(always, batch):
    expected = composed.one_by_one(composed.compose(composed.source_of(always, TO_TENSOR)), batch)
    assert torch.allclose(evaluated(batch, always), expected, atol=1.01 / 255)


def test_unknown_random_operation_is_seeded_in_evaluation(batch):
    noisy = "Lambda(lambda image: torch.rand(3, 4, 4))"
    pipeline = pipeline_of(noisy)
    assert torch.equal(pipeline.evaluate(batch), pipeline.evaluate(batch))
    first, second = (pipeline.train(batch, torch.Generator().manual_seed(n)) for n in (1, 2))
    assert not torch.equal(first, second)
    assert len(first.flatten(1).unique(dim=0)) == len(batch)


def test_fallback_keeps_every_global_random_state(batch):
    noisy = "Lambda(lambda x: torch.full((1, 2, 2), __import__('random').random()))"
    noisier = "Lambda(lambda x: x + __import__('numpy').random.rand())"
    pipeline = pipeline_of(noisy, noisier)
    before = random.getstate(), np.random.get_state()[1].tolist()
    result = pipeline.train(batch, torch.Generator().manual_seed(1))
    assert torch.equal(result, pipeline.train(batch, torch.Generator().manual_seed(1)))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_says_what_runs_image_by_image():
    operations = ("RandomHorizontalFlip()", "RandAugment()", TO_TENSOR, "Lambda(lambda x: x * 2)")
    assert pipeline_of(*operations).per_image == ("RandAugment", "Lambda")
    assert pipeline_of("RandomCrop(8)", TO_TENSOR).per_image == ()
    assert pipeline_of("RandomApply([transforms.RandomCrop(8)])", TO_TENSOR).per_image == (
        "RandomApply",
    )


def test_fallback_gives_what_the_operation_gives(batch):
    source = composed.source_of("Lambda(lambda image: image.rotate(90))", TO_TENSOR)
    expected = composed.one_by_one(composed.compose(source), batch)
    assert torch.equal(Pipeline(source, *composed.NORM).evaluate(batch), expected)


LOOKALIKE = """
import numpy as np
from torchvision import transforms

class NormalizeToFloat:
    def __call__(self, image):
        return np.asarray(image, dtype=np.float32) / 127.5 - 1

def transform(norm):
    return transforms.Compose([NormalizeToFloat(), transforms.ToTensor()])
"""


def test_a_helper_is_known_by_what_it_does_not_by_its_name(batch):
    pipeline = Pipeline(LOOKALIKE, *composed.NORM)
    assert pipeline.per_image == ("NormalizeToFloat",)
    assert torch.allclose(pipeline.evaluate(batch), batch / 127.5 - 1, atol=1e-6)
    assert Pipeline(LOOKALIKE.replace("127.5 - 1", "255"), *composed.NORM).per_image == ()


def test_a_helper_that_refuses_grey_images_still_serves_colour_ones(batch):
    picky = LOOKALIKE.replace("return", "image.getbands()[2]; return", 1)
    pipeline = Pipeline(picky, *composed.NORM)
    assert torch.allclose(pipeline.evaluate(batch), batch / 127.5 - 1, atol=1e-6)


def test_normalisation_is_fused_exactly(batch):
    source = composed.source_of(TO_TENSOR, "Normalize(*norm)")
    expected = composed.one_by_one(composed.compose(source), batch)
    assert torch.allclose(Pipeline(source, *composed.NORM).evaluate(batch), expected, atol=2e-6)


def test_prefix_is_computed_up_to_the_first_random_operation(batch):
    pipeline = pipeline_of("Resize(40)", "CenterCrop(36)", "RandomVerticalFlip()", TO_TENSOR)
    computed, rest = pipeline.with_prefix_computed(batch.numpy())
    assert computed.shape == (6, 3, 36, 36)
    assert computed.dtype == np.uint8
    assert rest.sample_shape((3, 36, 36)) == (3, 36, 36)
    assert torch.equal(rest.evaluate(torch.from_numpy(computed)), pipeline.evaluate(batch))


def test_prefix_beyond_the_budget_is_not_computed(batch):
    pipeline = pipeline_of("Resize(40)", TO_TENSOR)
    size = 6 * 3 * 40 * 40
    inputs = batch.numpy()
    assert pipeline.with_prefix_computed(inputs, budget=size)[0].shape == (6, 3, 40, 40)
    unchanged, same = pipeline.with_prefix_computed(inputs, budget=size - 1)
    assert unchanged is inputs
    assert same is pipeline


def test_prefix_that_changes_nothing_is_not_copied(batch):
    inputs = batch.numpy()
    computed, _ = pipeline_of("Resize(32)", "CenterCrop(32)", TO_TENSOR).with_prefix_computed(
        inputs
    )
    assert computed is inputs


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("def transform(norm:", "syntax"),
        ("import no_such_module", "import"),
        ("transform = 3", "contract"),
        ("def transform(norm): return None", "contract"),
        ("def transform(norm): return 1 / 0", "build"),
        ("def transform(): return None", "build"),
    ],
)
def test_unusable_source_is_refused(source, verdict):
    with pytest.raises(Refusal) as refused:
        Pipeline(source, (0.5,), (0.5,))
    assert refused.value.verdict == verdict


def test_results_that_are_no_tensors_are_named(batch):
    with pytest.raises(ValueError, match=r"images, not tensors; end it with ToTensor"):
        pipeline_of("Resize(32)").evaluate(batch)
    with pytest.raises(ValueError, match="do not stack"):
        pipeline_of("RandomRotation(40, expand=True)", TO_TENSOR).train(batch, torch.Generator())


def test_names_take_no_torch():
    code = (
        "import sys; from lemur2.transforms import *; transform_source('norm_32_flip'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
