"""The way for operations that have no batched form: image by image, on what they expect."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lemur2.transforms.steps import Batch

_MODES = {1: "L", 3: "RGB"}


def apply_singly(operation: Callable[[Any], Any], batch: Batch, seed: int) -> Batch:
    """Apply an operation to each sample, with every global random state set from `seed`."""
    with _seeded(seed):
        return gather([operation(sample) for sample in separate(batch)])


def separate(batch: Batch) -> Sequence[Any]:
    """The samples as the original operations would be handed them."""
    if batch.domain == "ragged":
        return batch.samples
    if batch.domain == "tensor":
        return list(batch.data)
    arrays = batch.data.permute(0, 2, 3, 1).numpy()
    if arrays.shape[-1] == 1:
        arrays = arrays[..., 0]  # a grey image has no channel axis
    if batch.domain == "array":
        return list(arrays)
    return [Image.fromarray(np.ascontiguousarray(array)) for array in arrays]


def gather(samples: Sequence[Any]) -> Batch:
    """Stack what operations returned; ragged where that cannot be."""
    if all(isinstance(each, Tensor) for each in samples) and _same(samples, "shape"):
        return Batch(torch.stack([each.as_subclass(Tensor) for each in samples]), "tensor")
    if all(isinstance(each, np.ndarray) for each in samples) and _same(samples, "shape"):
        return Batch(_channels_first(np.stack(samples)), "array")
    if all(_is_plain_image(each) for each in samples) and _same(samples, "size", "mode"):
        return Batch(_channels_first(np.stack([np.asarray(each) for each in samples])), "image")
    return Batch(torch.empty(0), "ragged", tuple(samples))


def _is_plain_image(sample: Any) -> bool:
    return isinstance(sample, Image.Image) and sample.mode in _MODES.values()


def _same(samples: Sequence[Any], *attributes: str) -> bool:
    return len({tuple(getattr(each, name) for name in attributes) for each in samples}) == 1


def _channels_first(arrays: np.ndarray) -> Tensor:
    if arrays.ndim == 3:
        return torch.from_numpy(arrays).unsqueeze(1)
    return torch.from_numpy(arrays).permute(0, 3, 1, 2).contiguous()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Set the random states that an operation may draw from, and put them back."""
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)
