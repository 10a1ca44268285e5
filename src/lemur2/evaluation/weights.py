"""Weights as bytes: the safetensors format, which the parent writes and reads. No pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.errors import UserError
from lemur2.evaluation.plan import Plan

MOST_NAMES = 100_000  # of parameters and buffers
_LONGEST_NAME = 500  # characters
_METADATA = {"format": "pt"}  # so that other tools take them for a torch model's


def to_bytes(weights: Mapping[str, np.ndarray]) -> bytes:
    """A safetensors file of parameters and buffers by name.

    Raises:
        Refusal: (`forbidden`) The names, a worker's word, are too many or none that a file has.
        UserError: safetensors is not installed.
    """
    save = _safetensors().save
    if len(weights) > MOST_NAMES or not all(map(_is_name, weights)):
        raise Refusal(Verdict.FORBIDDEN, "the worker's weights have names that are none")
    ordered = {name: np.asarray(weights[name], order="C") for name in sorted(weights)}
    data: bytes = save(ordered, metadata=_METADATA)
    return data


def from_bytes(data: bytes, place: str) -> dict[str, np.ndarray]:
    """The weights in a safetensors file.

    Args:
        data: Its bytes.
        place: What to call it in messages.

    Raises:
        UserError: It is none, or safetensors is not installed.
    """
    module = _safetensors()
    try:
        found: dict[str, np.ndarray] = module.load(data)
    except Exception as error:  # of the library's own kind, or a KeyError for a dtype of torch's
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{place} holds no weights in the safetensors format ({reason})") from error
    return found


def plan_to_text(plan: Plan) -> str:
    """A plan as JSON, to be kept beside weights."""
    return msgspec.json.encode(plan).decode()


def plan_from_text(text: str) -> Plan:
    """The plan that was kept. Raises UserError."""
    try:
        return msgspec.json.decode(text, type=Plan)
    except msgspec.MsgspecError as error:
        raise UserError(
            f"what is stored of a training cannot be read ({error}); train the network again"
        ) from error


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def _safetensors() -> Any:
    try:
        from safetensors import numpy
    except ModuleNotFoundError:
        raise UserError(
            "keeping and using weights takes safetensors; run: pip install 'lemur2[train]'"
        ) from None
    return numpy
