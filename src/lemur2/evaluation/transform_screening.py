"""Worker side: does a transform run on images of the data set, and give what networks can take?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network
from lemur2.transforms.pipeline import Pipeline

IMAGES = 16  # of the training part, evenly spaced
_TOLERANCE = 1e-5  # of values that should not depend on the batch; batched sums round differently


def screen(pipeline: Pipeline | None, inputs: np.ndarray) -> dict[str, Any]:
    """Try a transform on some of the inputs.

    Args:
        pipeline: The transform's.
        inputs: Raw training samples, uint8 (N, C, H, W).

    Returns:
        `sample_shape` of what it gives, and `notes`.

    Raises:
        Refusal: `shape` where it does not turn every image into a tensor of one shape, in
            training and in evaluation; `diverged` where values are not finite; `contract` where
            the same seed gives something else, or an image's result depends on its batch.
    """
    assert pipeline is not None, "the job has a transform"
    positions = np.linspace(0, len(inputs) - 1, IMAGES).astype(int)
    images = torch.from_numpy(np.array(inputs[positions]))
    with network.stage(Verdict.SHAPE):
        trained = [_trained(pipeline, images, seed) for seed in (0, 0, 1)]
        evaluated = [pipeline.evaluate(images.clone()) for _ in range(2)]
        alone = torch.cat([pipeline.evaluate(image.clone()) for image in images.split(1)])
    for result in (*trained, *evaluated, alone):
        _check_form(result, evaluated[0])
    if not (torch.equal(*trained[:2]) and torch.equal(*evaluated)):
        raise Refusal(
            Verdict.CONTRACT,
            "the same seed gives other values",
            remedy="draw from torch's, NumPy's or Python's global random state",
        )
    if not torch.allclose(evaluated[0], alone, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise Refusal(Verdict.CONTRACT, "the result of an image depends on its batch")
    slow = sorted(set(pipeline.per_image))
    return {
        "sample_shape": list(evaluated[0].shape[1:]),
        "notes": [f"runs image by image: {', '.join(slow)}"] if slow else [],
    }


def _trained(pipeline: Pipeline, images: Tensor, seed: int) -> Tensor:
    return pipeline.train(images.clone(), torch.Generator().manual_seed(seed))


def _check_form(result: Tensor, first: Tensor) -> None:
    """One shape with channels, height and width, in floating point, and finite."""
    shape = tuple(result.shape[1:])
    if len(shape) != 3 or 0 in shape or len(result) != IMAGES:
        raise Refusal(
            Verdict.SHAPE,
            f"gives {shape} for an image, not (channels, height, width)",
            remedy="end it with ToTensor()",
        )
    if shape != tuple(first.shape[1:]):
        raise Refusal(
            Verdict.SHAPE,
            f"gives {shape} for one image and {tuple(first.shape[1:])} for another, or in "
            "evaluation",
            remedy="bring every image to one size with Resize((side, side))",
        )
    if not result.is_floating_point():
        raise Refusal(Verdict.SHAPE, f"gives {result.dtype}, not floating point")
    if not bool(torch.isfinite(result).all()):
        raise Refusal(Verdict.DIVERGED, "gives values that are not finite")
