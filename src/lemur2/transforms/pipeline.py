"""A transform's source compiled into operations on whole batches.

Imports torch and runs the source it is given: only for the worker's side of the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lemur2.architecture import Refusal, Verdict
from lemur2.transforms.compiler import Operation, compiled
from lemur2.transforms.steps import Batch, Domain

BUDGET = 1 << 30  # bytes for a computed prefix
_CHUNK = 256


class Pipeline:
    """The input pipeline of one trial; keeps the contract of `lemur2.tasks.InputPipeline`.

    Training applies the transform as it stands, the random operations drawn from a generator.
    Evaluation applies its deterministic form: random operations that keep the shape are left
    out, `RandomCrop` becomes a centre crop, `RandomResizedCrop` a resize.

    Args:
        source: Python source that defines `transform(norm)`.
        mean: Per channel, in [0, 1].
        std: Likewise.

    Raises:
        Refusal: The source does not run, or defines no usable `transform`.
    """

    def __init__(self, source: str, mean: Sequence[float], std: Sequence[float]) -> None:
        self._operations = compiled(_build(source, mean, std))

    @classmethod
    def _of(cls, operations: list[Operation]) -> Pipeline:
        new = cls.__new__(cls)
        new._operations = operations
        return new

    @property
    def per_image(self) -> tuple[str, ...]:
        """Operations that have no batched form here and run image by image, by class name."""
        domain: Domain = "image"
        slow = []
        for operation in self._operations:
            step = operation.batched_for(domain)
            if step is None:
                slow.append(operation.name)
            elif step.becomes is not None:
                domain = step.becomes
        return tuple(slow)

    def train(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Transform uint8 (N, C, H, W) for training; the result is the caller's to keep."""
        state = Batch(batch, "image")
        for operation in self._operations:
            state = operation.train(state, generator)
        return _finished(state)

    def evaluate(self, batch: Tensor) -> Tensor:
        """Transform uint8 (N, C, H, W) for evaluation: the same result every time."""
        state = Batch(batch, "image")
        for operation in self._operations:
            state = operation.evaluate(state)
        return _finished(state)

    def sample_shape(self, raw_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of one transformed sample, for raw samples of a shape (C, H, W)."""
        return tuple(self.evaluate(torch.zeros((1, *raw_shape), dtype=torch.uint8)).shape[1:])

    def with_prefix_computed(
        self, inputs: np.ndarray, budget: int = BUDGET
    ) -> tuple[np.ndarray, Pipeline]:
        """Compute the leading deterministic operations once, for all inputs.

        Args:
            inputs: uint8 (N, C, H, W), as stored.
            budget: Bytes that the computed inputs may take.

        Returns:
            The inputs after the prefix, still uint8, and the pipeline of the rest. The inputs as
            they are where the prefix changes nothing; with this pipeline as it is where there is
            no prefix, or its result would exceed the budget.
        """
        length = _prefix_length(self._operations)
        prefix, rest = self._operations[:length], Pipeline._of(self._operations[length:])
        first = torch.from_numpy(np.array(inputs[:1]))
        result = _run_prefix(prefix, first)
        if result.shape == first.shape and result.data_ptr() == first.data_ptr():
            return inputs, rest
        size = result.numel() * len(inputs)
        if size > budget:
            return inputs, self
        computed = np.empty((len(inputs), *result.shape[1:]), dtype=np.uint8)
        for start in range(0, len(inputs), _CHUNK):
            chunk = torch.from_numpy(np.array(inputs[start : start + _CHUNK]))
            computed[start : start + _CHUNK] = _run_prefix(prefix, chunk).numpy()
        return computed, rest


def _build(source: str, mean: Sequence[float], std: Sequence[float]) -> Callable[[Any], Any]:
    namespace: dict[str, Any] = {"__name__": "transform"}
    try:
        exec(compile(source, "<transform>", "exec"), namespace)
    except SyntaxError as error:
        raise Refusal(Verdict.SYNTAX, str(error.msg), error.lineno) from error
    except Exception as error:
        raise Refusal(Verdict.IMPORT, f"the transform's source raised {error!r}") from error
    function = namespace.get("transform")
    if not callable(function):
        raise Refusal(Verdict.CONTRACT, "no transform(norm)", remedy="define it at the top level")
    try:
        built = function((tuple(mean), tuple(std)))
    except Exception as error:
        raise Refusal(Verdict.BUILD, f"transform(norm) raised {error!r}") from error
    if not callable(built):
        raise Refusal(Verdict.CONTRACT, "transform(norm) returned nothing that can be called")
    return built


def _prefix_length(operations: list[Operation]) -> int:
    """How many leading operations are deterministic, batched, and turn images into images."""
    for position, operation in enumerate(operations):
        step = operation.batched_for("image")
        if step is None or not step.fixed or step.becomes is not None:
            return position
    return len(operations)


def _run_prefix(operations: list[Operation], images: Tensor) -> Tensor:
    state = Batch(images, "image")
    for operation in operations:
        state = operation.evaluate(state)
    return state.data


def _finished(batch: Batch) -> Tensor:
    if batch.domain == "tensor":
        return batch.data
    if batch.domain == "ragged":
        found = sorted({str(getattr(each, "shape", type(each).__name__)) for each in batch.samples})
        raise ValueError(f"the transform's results do not stack: {', '.join(found[:3])}")
    raise ValueError(f"the transform gives {batch.domain}s, not tensors; end it with ToTensor()")
