"""Worker side: cheap random weights while screening.

Drawing tens of millions of random numbers is most of the time it takes to build a large network.
Screening asks whether a network builds, runs and passes gradients, which needs weights of the
right scale but not independent ones: large tensors are filled by repeating one random block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_BLOCK = 1 << 15
_LARGE = 1 << 18  # elements; smaller tensors are drawn as ever


@contextmanager
def cheap_initialisation() -> Iterator[None]:
    """Within the block, large tensors get repeated random blocks from the usual initialisers."""
    patches = [
        (torch.Tensor, "uniform_", _uniform),
        (torch.Tensor, "normal_", _normal),
        (torch.nn.init, "trunc_normal_", _truncated_normal),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for (owner, name, make), (_, _, original) in zip(patches, kept, strict=True):
        setattr(owner, name, make(original))
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _uniform(original: Any) -> Any:
    def uniform_(self: torch.Tensor, a: float = 0, b: float = 1, **options: Any) -> torch.Tensor:
        if not _fits(self):
            return original(self, a, b, **options)
        return _fill(self, torch.rand(_BLOCK, dtype=self.dtype).mul_(b - a).add_(a))

    return uniform_


def _normal(original: Any) -> Any:
    def normal_(
        self: torch.Tensor, mean: float = 0, std: float = 1, **options: Any
    ) -> torch.Tensor:
        if not _fits(self):
            return original(self, mean, std, **options)
        return _fill(self, torch.randn(_BLOCK, dtype=self.dtype).mul_(std).add_(mean))

    return normal_


def _truncated_normal(original: Any) -> Any:
    def trunc_normal_(
        tensor: torch.Tensor,
        mean: float = 0.0,
        std: float = 1.0,
        a: float = -2.0,
        b: float = 2.0,
        **options: Any,
    ) -> torch.Tensor:
        if not _fits(tensor):
            return original(tensor, mean, std, a, b, **options)
        block = torch.randn(_BLOCK, dtype=tensor.dtype).mul_(std).add_(mean).clamp_(a, b)
        return _fill(tensor, block)

    return trunc_normal_


def _fits(tensor: torch.Tensor) -> bool:
    return (
        tensor.numel() >= _LARGE
        and tensor.is_floating_point()
        and tensor.is_contiguous()
        and tensor.device.type == "cpu"
    )


def _fill(tensor: torch.Tensor, block: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        flat = tensor.detach().view(-1)
        whole = flat.numel() // _BLOCK * _BLOCK
        flat[:whole].view(-1, _BLOCK).copy_(block)
        flat[whole:].copy_(block[: flat.numel() - whole])
    return tensor
