"""What a block's errors say of the inputs that it wants."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lemur2.evaluation.blocks.inputs import (
    FIXED,
    ID_NAMES,
    TOKEN_NAMES,
    Float,
    Inputs,
    Shape,
    Text,
    Whole,
)

_CHANNELS = re.compile(r"expected input\[([\d, ]+)\] to have (\d+) channels")
_MATRIX = re.compile(r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)")
_NORMAL = re.compile(r"normalized_shape=\[([\d, ]+)\]")
_RANK = re.compile(r"not enough values to unpack \(expected (\d+), got (\d+)\)")
_TOO_MANY = re.compile(r"too many values to unpack \(expected (\d+)")
_DIMENSIONS = re.compile(r"[Ee]xpected (\d)D(?: \(unbatched\))? or (\d)D|expected (\d)D input")
_RUNNING = re.compile(r"running_mean should contain (\d+) elements not (\d+)")
_SIZE = re.compile(r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)")
_IMAGE = re.compile(r"\((\d+)\s?[*x,]\s?(\d+)\).{0,40}model \((\d+)\s?[*x,]\s?(\d+)\)")
_SIDE = re.compile(r"\((\d+)\) doesn't match model \((\d+)\)")


def mended(inputs: Inputs, message: str, forward: Any) -> Iterator[Inputs]:
    """Changed inputs that an error's message asks for.

    Args:
        inputs: Those that raised it.
        message: Its text.
        forward: What they were given to.
    """
    if "NoneType" in message:
        yield from _with_optional(inputs, forward)
    for name, value in inputs.items():
        if not isinstance(value, Float):
            continue
        for shape in _mended(value.shape, message):
            if shape != value.shape and shape and math.prod(shape) < 1 << 22:
                same = {n: replace(v, shape=shape) if v == value else v for n, v in inputs.items()}
                yield same
                yield {**inputs, name: Float(shape)}
    yield from _indices(inputs, message)


def _indices(inputs: Inputs, message: str) -> Iterator[Inputs]:
    """With whole numbers where an error says that indices are wanted."""
    if "must be" in message and ("Long" in message or "indices" in message):
        for name, value in inputs.items():
            if isinstance(value, Float):
                yield {**inputs, name: Whole(value.shape[:1], 64)}
    if "tensors used as indices" in message or "expected Long" in message or "scatter" in message:
        last = list(inputs)[-1]
        value = inputs[last]
        if isinstance(value, Float):
            yield {**inputs, last: Whole(value.shape[:-1], value.shape[-1])}
            yield {**inputs, last: Whole((), value.shape[0])}


def _with_optional(inputs: Inputs, forward: Any) -> Iterator[Inputs]:
    """With values for inputs that may be left out, of those that have usual ones."""
    known = [n for n in inspect.signature(forward).parameters if n not in inputs]
    fixed = {n: Text(FIXED[n]) for n in known if n in FIXED and FIXED[n] != "None"}
    main = next(iter(inputs.values()), Float((16, 64)))
    tokens = {n: main for n in known if TOKEN_NAMES.fullmatch(n) or ID_NAMES.fullmatch(n)}
    masks = {n: Text("torch.ones(B, 16)") for n in known if n == "attention_mask"}
    for more in (fixed, {**fixed, **tokens}, {**fixed, **masks}):
        if more:
            yield {**inputs, **more}


def _mended(shape: Shape, message: str) -> Iterator[Shape]:
    if match := _CHANNELS.search(message):
        wanted = int(match[2])
        yield from ((wanted, *shape[1:]), (*shape[:-1], wanted))
    if match := _MATRIX.search(message):
        got, wanted = int(match[2]), int(match[3])
        yield from _swapped(shape, got, wanted)
        yield (*shape[:-1], wanted)
    if match := _NORMAL.search(message):
        wanted_shape = tuple(int(n) for n in match[1].split(","))
        yield (*shape[: -len(wanted_shape)], *wanted_shape)
    if match := _RUNNING.search(message):
        yield from _swapped(shape, int(match[2]), int(match[1]))
    if match := _SIZE.search(message):
        a, b = int(match[1]), int(match[2])
        yield from _swapped(shape, a, b)
        yield from _swapped(shape, b, a)
    if match := _IMAGE.search(message):
        yield (*shape[:-2], int(match[3]), int(match[4]))
    if match := _SIDE.search(message):
        yield (*shape[:-2], int(match[2]), int(match[2]))
    yield from _reranked(shape, message)


def _swapped(shape: Shape, got: int, wanted: int) -> Iterator[Shape]:
    """The shape with one of its sizes exchanged, the last such one first."""
    for position in reversed(range(len(shape))):
        if shape[position] == got:
            yield (*shape[:position], wanted, *shape[position + 1 :])


def _reranked(shape: Shape, message: str) -> Iterator[Shape]:
    ranks = []
    if match := _RANK.search(message) or _TOO_MANY.search(message):
        ranks = [int(match[1])]
    elif match := _DIMENSIONS.search(message):
        ranks = [int(n) for n in match.groups() if n]
    for rank in reversed(ranks):
        if rank - 1 == len(shape):
            continue
        width = shape[-1] if len(shape) == 2 else shape[0] if shape else 64
        yield from {
            2: ((width,),),
            3: ((16, width), (width, 16)),
            4: ((width, 16, 16), (16, 16, width), (4, 16, 16)),
            5: ((width, 4, 16, 16), (4, width, 16, 16), (4, 3, 16, 16)),
        }.get(rank, ())
