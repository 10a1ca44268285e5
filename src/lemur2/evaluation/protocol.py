"""How a network is trained: the protocol, its presets by the paper's names, and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

# What a network is built with where the protocol gives no value for what it declares.
DEFAULTS: Mapping[str, Any] = {"lr": 0.01, "batch": 64, "momentum": 0.9, "dropout": 0.2}
OTHER_DEFAULT = 0.5  # the field searches every other hyperparameter in [0, 1]


def value(given: Mapping[str, Any], name: str) -> Any:
    """What a network that declares a hyperparameter is given, where the protocol gives these."""
    return given.get(name, DEFAULTS.get(name, OTHER_DEFAULT))


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything that fixes a training but the source: with the seed it fixes the result.

    Attributes:
        dataset: Name of the data set.
        metric: Name of the metric; None takes the task's default.
        transform: Name or file of the transform; None takes the data set's default.
        epochs: Epochs, at least 1.
        hyperparameters: `lr`, `batch`, `momentum`, `dropout` and whatever else the network
            declares; names that it does not declare are not passed on.
        seed: Of weights, order and augmentation.
        amp: Automatic mixed precision, where the device gains from it.
        checkpointing: Gradient checkpointing in networks that offer it (`prm["checkpointing"]`).
    """

    dataset: str
    metric: str | None = None
    transform: str | None = None
    epochs: int = 1
    hyperparameters: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULTS))
    seed: int = 0
    amp: bool = False
    checkpointing: bool = False

    def with_(self, **changes: Any) -> Protocol:
        """A copy with fields replaced; `hyperparameters` is merged, not replaced."""
        prm = changes.pop("hyperparameters", {})
        return replace(self, **changes, hyperparameters={**self.hyperparameters, **prm})
