"""`torchvision.transforms.v2` in terms of the first version's operations, which we compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torchvision import transforms as T
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from lemur2.transforms.steps import PilToTensor, Step, Whole


def as_first_version(operation: Any) -> Any:
    """The same operation of the first version; the operation itself where there is none.

    torchvision knows the counterparts, for scripting. Parameters that the first version lacks (a
    fill for each type of input) have none either.
    """
    if type(operation) is v2.ToTensor:
        return T.ToTensor()
    if type(operation) is v2.PILToTensor:
        return T.PILToTensor()
    if type(operation) is v2.RandomChoice:
        return T.RandomChoice(operation.transforms, operation.p)
    if not isinstance(operation, v2.Transform):
        return operation
    try:
        return operation.__prepare_scriptable__()
    except (RuntimeError, ValueError):
        return operation


def _to_dtype(operation: v2.ToDtype) -> Step | None:
    kind, scale = operation.dtype, operation.scale
    if not isinstance(kind, torch.dtype):
        return None
    return Whole(lambda data: F2.to_dtype(data, kind, scale=scale), ("tensor",))


COMPILERS: dict[type, Callable[[Any], Step | None]] = {
    v2.ToImage: lambda _: PilToTensor(),
    v2.ToDtype: _to_dtype,
    v2.ToPureTensor: lambda _: Whole(lambda data: data, ("tensor",)),
    v2.Identity: lambda _: Whole(lambda data: data),
}
