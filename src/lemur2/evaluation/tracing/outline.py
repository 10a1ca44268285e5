"""What a built network consists of: the modules by name."""

from __future__ import annotations

import torch

_LONGEST = 300


def outline(net: torch.nn.Module) -> dict[str, tuple[str, str, dict[str, list[int]]]]:
    """Every module's class, settings (as it prints them) and own parameters' shapes."""
    return {
        name: (
            f"{type(module).__module__}.{type(module).__qualname__}",
            _settings(module),
            {key: list(p.shape) for key, p in module.named_parameters(recurse=False)},
        )
        for name, module in net.named_modules()
    }


def _settings(module: torch.nn.Module) -> str:
    if not type(module).__module__.startswith("torch.nn."):
        return ""  # a candidate's own says what it likes
    return module.extra_repr()[:_LONGEST]
