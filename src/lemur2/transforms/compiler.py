"""From torchvision's operations to steps on batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torchvision import transforms as T
from torchvision.transforms import v2

from lemur2.transforms import augment, color, geometry, modern, steps
from lemur2.transforms.helpers import recognise
from lemur2.transforms.nested import RandomApply, RandomChoice
from lemur2.transforms.single import apply_singly
from lemur2.transforms.steps import Batch, Domain, Step

_EVALUATION_SEED = 0
_COMPILERS = {
    **steps.COMPILERS,
    **augment.COMPILERS,
    **color.COMPILERS,
    **geometry.COMPILERS,
    **modern.COMPILERS,
}

# Random operations that keep the shape, left out of evaluation even where they have no step.
_AUGMENTATIONS = (
    T.AugMix,
    T.AutoAugment,
    T.ElasticTransform,
    T.RandAugment,
    T.RandomAffine,
    T.RandomPerspective,
    T.RandomRotation,
    T.TrivialAugmentWide,
)


class Operation:
    """An original operation with its batched step, where it has one."""

    def __init__(self, original: Callable[[Any], Any], step: Step | None) -> None:
        self.original = original
        self.step = step
        self.name = type(original).__name__

    def batched_for(self, domain: Domain) -> Step | None:
        """The step, where it can take such samples."""
        return self.step if self.step is not None and domain in self.step.domains else None

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Apply it to the batch, or image by image, seeded from the generator."""
        step = self.batched_for(batch.domain)
        if step is not None:
            return step.train(batch, generator)
        seed = int(torch.randint(2**32, (1,), generator=generator))
        return apply_singly(self.original, batch, seed)

    def evaluate(self, batch: Batch) -> Batch:
        """Apply its deterministic form; an unknown operation as it is, under a fixed seed."""
        step = self.batched_for(batch.domain)
        if step is not None:
            return step.evaluate(batch)
        if type(self.original) in _AUGMENTATIONS:
            return batch
        return apply_singly(self.original, batch, _EVALUATION_SEED)


def compiled(transform: Callable[[Any], Any]) -> list[Operation]:
    """The operations of a transform in order, nested sequences opened."""
    parts = [modern.as_first_version(each) for each in _flattened(transform)]
    return _fused([Operation(each, step_for(each)) for each in parts])


def step_for(operation: Any) -> Step | None:
    """The batched step of an operation; None where there is none that does the same."""
    if type(operation) is T.RandomApply:
        inner = _steps(operation.transforms)
        return RandomApply(inner, operation.p) if inner else None
    if type(operation) is T.RandomChoice:
        inner = _steps(operation.transforms)
        return RandomChoice(inner, operation.p) if inner else None
    compiler = _COMPILERS.get(type(operation))
    return compiler(operation) if compiler else recognise(operation)


def _steps(operations: Sequence[Callable[[Any], Any]]) -> list[Step]:
    """Steps of nested operations; none at all unless each has one that keeps the shape."""
    parts = [each for operation in operations for each in _flattened(operation)]
    found = [step_for(modern.as_first_version(each)) for each in parts]
    usable = [step for step in found if step is not None and step.keeps_shape]
    return usable if len(usable) == len(found) == len(list(operations)) else []


def _flattened(operation: Any) -> Iterator[Callable[[Any], Any]]:
    if type(operation) in (T.Compose, v2.Compose):
        parts = operation.transforms
    elif type(operation) is torch.nn.Sequential:
        parts = list(operation)
    else:
        yield operation
        return
    for part in parts:
        yield from _flattened(part)


def _fused(operations: list[Operation]) -> list[Operation]:
    """Make `ToTensor` followed by `Normalize` one operation."""
    fused: list[Operation] = []
    for operation in operations:
        previous = fused[-1].original if fused else None
        if type(operation.original) is T.Normalize and type(previous) is T.ToTensor:
            fused[-1] = _normalizing(previous, operation.original)
        else:
            fused.append(operation)
    return fused


def _normalizing(first: T.ToTensor, second: T.Normalize) -> Operation:
    mean, std = torch.as_tensor(second.mean), torch.as_tensor(second.std)
    return Operation(T.Compose([first, second]), steps.ToNormalized(mean, std))
