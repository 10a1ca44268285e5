"""Reading what `forward` returned: networks give tensors, tuples, lists and dicts of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lemur2.architecture import Refusal, Verdict

if TYPE_CHECKING:
    import torch


def tensors(output: Any) -> Iterator[torch.Tensor]:
    """The tensors in an output, in order, out of nested tuples, lists and mappings."""
    import torch

    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from tensors(part)
    elif isinstance(output, Mapping):
        for part in output.values():
            yield from tensors(part)


def describe(output: Any) -> str:
    """What an output is, for a message: `a tensor (2, 10)`, `a tuple of (2, 10), (2, 10)`."""
    import torch

    if isinstance(output, torch.Tensor):
        return f"a tensor {tuple(output.shape)}"
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors(output))
    kind = type(output).__name__
    return f"a {kind} of {shapes}" if shapes else f"a {kind} without tensors"


def real_scores(scores: torch.Tensor) -> torch.Tensor:
    """The scores as float32.

    Raises:
        Refusal: Verdict `shape`, where they are complex, integer or boolean.
    """
    if not scores.is_floating_point():
        kind = str(scores.dtype).removeprefix("torch.")
        remedy = "return its absolute value or real part" if scores.is_complex() else ""
        reason = f"forward returned {kind} scores, the task needs floating-point ones"
        raise Refusal(Verdict.SHAPE, reason, remedy=remedy)
    return scores.float()
