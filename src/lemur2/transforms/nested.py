"""Operations made of operations: for each image all of them or none, or one of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lemur2.transforms.augment import hits, replaced
from lemur2.transforms.steps import Batch, Domain, Step


class RandomApply(Step):
    """`RandomApply`: several steps on the images that the draw hits."""

    keeps_shape = True

    def __init__(self, inner: list[Step], probability: float) -> None:
        self.inner = inner
        self.probability = probability
        self.fixed = probability >= 1 and all(step.fixed for step in inner)
        self.domains = _common_domains(inner)

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Apply them in order."""

        def apply(data: Tensor) -> Tensor:
            return _applied(self.inner, Batch(data, batch.domain), generator).data

        hit = hits(len(batch.data), self.probability, generator)
        return Batch(replaced(batch.data, hit, apply), batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing, unless they are always applied."""
        if self.probability < 1:
            return batch
        for step in self.inner:
            batch = step.evaluate(batch)
        return batch


class RandomChoice(Step):
    """`RandomChoice`: one of several steps for each image; nothing in evaluation."""

    keeps_shape = True
    fixed = False

    def __init__(self, inner: list[Step], weights: Sequence[float] | None) -> None:
        self.inner = inner
        self.weights = torch.tensor(weights or [1.0] * len(inner))
        self.domains = _common_domains(inner)

    def train(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Choose and apply."""
        count = len(batch.data)
        chosen = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        data = batch.data
        for number, step in enumerate(self.inner):
            due = (chosen == number).nonzero().squeeze(1)
            apply = _on_data(step, batch.domain, generator)
            data = replaced(data, due, apply)
        return Batch(data, batch.domain)

    def evaluate(self, batch: Batch) -> Batch:
        """Nothing."""
        return batch


def _on_data(step: Step, domain: Domain, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    return lambda data: step.train(Batch(data, domain), generator).data


def _applied(inner: list[Step], batch: Batch, generator: torch.Generator) -> Batch:
    for step in inner:
        batch = step.train(batch, generator)
    return batch


def _common_domains(inner: list[Step]) -> tuple[Domain, ...]:
    both: tuple[Domain, ...] = ("image", "tensor")
    return tuple(each for each in both if all(each in step.domains for step in inner))
