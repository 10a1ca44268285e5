"""Image classification: an image in, one score per class out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.tasks.base import InputPipeline, Task
from lemur2.tasks.batches import ShuffledBatches
from lemur2.tasks.outputs import describe, real_scores, tensors

if TYPE_CHECKING:
    import torch


class ImageClassification(Task):
    """Inputs are float (B, C, H, W), targets int64 (B,), outputs scores (B, K), K classes."""

    name = "img-classification"
    metrics = ("acc", "balanced-acc", "macro-f1", "top-5")
    input_sizes = (32, 64, 128, 224, 299)
    transformed = True

    def example(
        self, sample_shape: Sequence[int], outputs: Sequence[int], batch: int, seed: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Standard normal pixels, as normalised images have, and uniform classes."""
        import torch

        random = torch.Generator().manual_seed(seed)
        inputs = torch.randn(batch, *sample_shape, generator=random)
        return inputs, torch.randint(outputs[0], (batch,), generator=random)

    def sample_shape(self, size: int, channels: int) -> tuple[int, ...]:
        """(channels, size, size)."""
        return (channels, size, size)

    @property
    def default_outputs(self) -> tuple[int, ...]:
        """Ten classes."""
        return (10,)

    def predictions(
        self, output: Any, inputs: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        """The first (B, K) tensor in the output, as float32.

        A network may return that tensor, or a tuple, list or dict that holds it and more, as
        those with auxiliary classifiers do.

        Raises:
            Refusal: Verdict `shape`, where there is none, or its scores are not real.
        """
        return real_scores(_class_scores(output, inputs, outputs)[0])

    def loss(
        self, output: Any, inputs: torch.Tensor, targets: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        """The sum of the cross-entropies of all (B, K) tensors in the output.

        Auxiliary classifiers count in full, so that their parameters are seen to get gradients.
        """
        from torch.nn.functional import cross_entropy

        found = _class_scores(output, inputs, outputs)
        losses = [cross_entropy(real_scores(scores), targets) for scores in found]
        return sum(losses[1:], start=losses[0])

    def train_batches(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        pipeline: InputPipeline | None,
        batch: int,
        seed: int,
    ) -> ShuffledBatches:
        """Batches of raw uint8 images through `pipeline.train`; scaled to [0, 1] without one."""
        prepare = pipeline.train if pipeline is not None else _scaled
        return ShuffledBatches(inputs, targets, prepare, batch, seed)


def _class_scores(output: Any, inputs: torch.Tensor, outputs: Sequence[int]) -> list[torch.Tensor]:
    shape = (inputs.shape[0], outputs[0])
    found = [tensor for tensor in tensors(output) if tuple(tensor.shape) == shape]
    if not found:
        reason = f"forward returned {describe(output)}, the task needs (batch, classes) = {shape}"
        raise Refusal(Verdict.SHAPE, reason, remedy="end with one score per class of out_shape[0]")
    return found


def _scaled(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return batch.float() / 255
