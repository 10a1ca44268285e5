"""One mixture of experts: everything that distinguishes it from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Gate = Literal["convolutional", "feedforward", "improved"]
Recipe = Literal["sgd", "adamw"]


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A mixture.

    Attributes:
        experts: Names of the networks that are its experts. One name stands for all of them in a
            homogeneous mixture.
        copies: How many of each.
        top: Experts that are evaluated for a sample; 0 for all of them, weighted (equation 5).
        gate: `convolutional` (light, for soft routing), `feedforward` (two layers with batch
            normalisation) or `improved` (convolution and fully connected layers, temperature,
            learned scale of the noise).
        noise: Standard deviation of the Gaussian noise on the gate's logits in training; what
            the learned scale begins with in the improved gate.
        temperature: Of the softmax; other than 1 in the improved gate only.
        balance: Weight of the load-balance loss.
        diversity: Weight of the diversity loss.
        recipe: `sgd` (section 4.3.2, experiments 1 and 2), or `adamw` with mixup and label
            smoothing (experiment 3).
    """

    experts: tuple[str, ...]
    copies: int = 1
    top: int = 0
    gate: Gate = "convolutional"
    noise: float = 0.1
    temperature: float = 1.0
    balance: float = 0.0
    diversity: float = 0.0
    recipe: Recipe = "adamw"

    @property
    def number(self) -> int:
        """Experts in all, N."""
        return len(self.experts) * self.copies

    @property
    def heterogeneous(self) -> bool:
        """Whether its experts are different networks."""
        return len(self.experts) > 1

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> Blueprint:
        """The mixture that `parameters` came from, also by way of JSON."""
        return cls(**{**parameters, "experts": tuple(parameters["experts"])})

    @property
    def parameters(self) -> dict[str, Any]:
        """What was chosen, JSON-able."""
        return {**asdict(self), "experts": list(self.experts)}
