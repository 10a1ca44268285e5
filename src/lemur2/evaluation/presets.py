"""Protocols by the names of the paper's experiments (section numbers are of its supplement).

A preset holds what the section states; everything else keeps `Protocol`'s default.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from lemur2.errors import UsageError
from lemur2.suggestions import did_you_mean

_SGD = {"lr": 0.01, "momentum": 0.9}

PRESETS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        # 8.4.2 and 8.4.3: automatic mixed precision and gradient checkpointing, where they help.
        "fractal": {
            "epochs": 5,
            "transform": "norm_flip",
            "hyperparameters": {**_SGD, "batch": 16, "dropout": 0.2},
            "amp": True,
            "checkpointing": True,
        },
        # 10.2.1: SGD with momentum for one epoch; the batch depends on the data set.
        "few-shot": {"epochs": 1, "hyperparameters": {"momentum": 0.9}},
        # 11.3: every transform on one ResNet.
        "transforms": {"epochs": 1, "hyperparameters": {**_SGD, "batch": 64, "dropout": 0.2}},
        # 4.3: the homogeneous and AlexNet mixtures.
        "moe": {"epochs": 50, "hyperparameters": {**_SGD, "batch": 128}},
        # 1.3: the networks on COCO.
        "captioning": {"epochs": 3, "hyperparameters": {"lr": 1e-3, "batch": 32}},
        # 6.3: the accuracy that the reward counts comes after one epoch.
        "reinforce": {"epochs": 1},
    }
)


def preset(name: str) -> dict[str, Any]:
    """Fields of `Protocol` that a preset sets, for `Protocol(dataset=...).with_(**preset(name))`.

    `hyperparameters` holds only those that the preset sets; `with_` merges them into the defaults.

    Raises:
        UsageError: There is none of this name; the message offers similar ones.
    """
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS, f"there are {', '.join(PRESETS)}")
        raise UsageError(f"there is no preset {name!r}; {hint}")
    fields = dict(PRESETS[name])
    if "hyperparameters" in fields:
        fields["hyperparameters"] = dict(fields["hyperparameters"])
    return fields
