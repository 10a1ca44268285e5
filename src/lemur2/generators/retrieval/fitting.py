"""Which blocks a network can be made of, and how their tensors are to be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lemur2.retrieval.library.shelf import Entry
from lemur2.retrieval.library.stages import Stage

Form = Literal["map", "last", "tokens", "vector"]

_RANDOM = re.compile(r"torch\.randn\(B(, \d+)+\)")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A block that takes one tensor of numbers and gives one.

    Attributes:
        entry: The block.
        form: How its input is read: `map` (channels, height, width), `last` (height, width,
            channels), `tokens` (tokens, features) or `vector` (features).
        shape: Of its input, without the batch.
        outputs: Channels of its first output, read in the same form.
        keyword: Name of its input; "" where it is positional.
    """

    entry: Entry
    form: Form
    shape: tuple[int, ...]
    outputs: int
    returned: Form
    keyword: str


def piece(entry: Entry, *, max_parameters: int, max_flops: int) -> Piece | None:
    """A block as a piece of networks; None where it is none, or is too large.

    It has to have run backward, on another batch size too, with one input that is nothing but a
    tensor of numbers; and its output must not be larger in rank than a map.
    """
    found = entry.validation
    if found.stage is not Stage.BACKWARD or not found.batched or not found.inputs:
        return None
    if len(found.inputs) != 1 or found.returns not in ("Tensor", "tuple", "list"):
        return None
    (name, text), shape = next(iter(found.inputs.items())), next(iter(found.shapes.values()), ())
    if not _RANDOM.fullmatch(text) or len(found.outputs[0]) not in (2, 3, 4):
        return None
    if (found.parameters or 0) > max_parameters or (found.flops or 0) > max_flops:
        return None
    form, returned = _form(shape[1:]), _form(found.outputs[0][1:])
    if form is None or returned is None or 0 in found.outputs[0]:
        return None
    if form == "last" and returned == "map":
        returned = "last"  # square maps of as many channels look alike
    outputs = found.outputs[0][1 if returned == "map" else -1]
    keyword = "" if name == "*" else name
    return Piece(
        entry=entry,
        form=form,
        shape=shape[1:],
        outputs=outputs,
        returned=returned,
        keyword=keyword,
    )


def _form(shape: tuple[int, ...]) -> Form | None:
    match shape:
        case (_,):
            return "vector"
        case (_, _):
            return "tokens"
        case (_, height, width) if height == width:
            return "map"
        case (height, width, _) if height == width:
            return "last"
        case (_, _, _):
            return "map"
    return None
