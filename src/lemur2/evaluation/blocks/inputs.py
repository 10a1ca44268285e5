"""Inputs for a block's forward, first by convention, then as its errors suggest.

An input is a text that makes a tensor, given the batch size `B`.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

Shape = tuple[int, ...]  # without the batch


@dataclass(frozen=True)
class Float:
    """A tensor of random numbers, shaped (B, *shape)."""

    shape: Shape

    def text(self) -> str:
        """What makes it."""
        return f"torch.randn({', '.join(['B', *map(str, self.shape)])})"


@dataclass(frozen=True)
class Whole:
    """A tensor of random indices below `high`, shaped (B, *shape)."""

    shape: Shape
    high: int

    def text(self) -> str:
        """What makes it."""
        return f"torch.randint({self.high}, ({', '.join(['B', *map(str, self.shape)])},))"


@dataclass(frozen=True)
class Text:
    """Anything else, as the expression that makes it."""

    expression: str

    def text(self) -> str:
        """The expression."""
        return self.expression


Input = Float | Whole | Text
Inputs = Mapping[str, Input]

_MAIN = (
    *("x", "input", "inputs", "hidden_states", "hidden_state", "input_ids", "pixel_values"),
    *("inputs_embeds", "input_features", "input_values", "features", "query", "tokens"),
)
_TOKENS = re.compile(
    r".*(hidden_states?|inputs_embeds|query|key|value|queries|keys|values|embeddings?|memory|src|tgt"
    r"|sequence_output|context|latents?|tokens|residual|encoder_output|vision_features|text_features"
    r"|image_features|image_embeddings|audio_features|input_features?|key_value_states|q|k|v)"
)
_IDS = re.compile(r".*(input_ids|token_ids|decoder_input_ids|indices|residue_index|word_ids)")
_IMAGES = re.compile(r"(pixel_values|images?|img|input_images?|pixel_values_.*|frames?|video)")
_FIXED: Mapping[str, str] = {
    "position_ids": "torch.arange(16).expand(B, 16)",
    "position_embeddings": "(torch.randn(B, 16, 16), torch.randn(B, 16, 16))",
    "cu_seqlens": "torch.tensor([0, 16 * B], dtype=torch.int32)",
    "grid_thw": "torch.tensor([[1, 4, 4]] * B)",
    "top_k_index": "torch.randint(4, (16 * B, 2))",
    "top_k_weights": "torch.rand(16 * B, 2)",
    "input_dimensions": "(4, 4)",
    "feat_size": "(4, 4)",
    "pixel_mask": "torch.ones(B, 32, 32, dtype=torch.bool)",
    "level_start_index": "torch.tensor([0])",
    "spatial_shapes": "torch.tensor([[4, 4]])",
    "spatial_shapes_list": "[(4, 4)]",
    "value_spatial_shapes": "torch.tensor([[4, 4]])",
    "value_spatial_shapes_list": "[(4, 4)]",
    "image_sizes": "torch.tensor([[32, 32]] * B)",
    "layer_type": '"full_attention"',
    "dtype": "torch.float32",
    "device": "None",
    "seq_len": "16",
    "sequence_length": "16",
    "batch_size": "B",
    "image_shapes": "[(32, 32)] * B",
    "target_sizes": "torch.tensor([[32, 32]] * B)",
    "lengths": "torch.full((B,), 16)",
    "observed_indicator": "torch.ones(B, 16, 64)",
    "past_values": "torch.randn(B, 16, 64)",
    "multimask_output": "True",
    "attention_similarity": "None",
    "target_embedding": "None",
    "shape": "(B, 16)",
    "input_ids_shape": "(B, 16)",
    "audio_encodings": "torch.randn(B, 64, 16)",
}
_NONE = re.compile(
    r".*mask.*|past_key_values?|cache.*|.*bias|alibi|.*labels|output_.*|use_cache|head_mask|state"
)
_SIDES = re.compile(r"(h|w|height|width|patch_height|patch_width|num_h|num_w)")
_TARGETS = re.compile(r"(target|targets|label|labels|y|gt)")


def required(forward: Any) -> list[str]:
    """Names of the inputs to give: those without default, else the first that carries data."""
    parameters = list(inspect.signature(forward).parameters.values())
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names = [p.name for p in plain if p.default is p.empty]
    if names:
        return names
    optional = [p.name for p in plain]
    found = [name for name in _MAIN if name in optional]
    if found or optional:
        return found[:1] or optional[:1]
    return ["*"] if parameters else []


def candidates(module: nn.Module, names: list[str]) -> Iterator[Inputs]:
    """Sets of inputs to try, likelier ones first."""
    hints = _shapes(module)
    for shape in hints:
        yield {
            name: _conventional(name, position, shape, module)
            for position, name in enumerate(names)
        }
    if len(names) == 1:
        one = hints[0].text()
        maps = [Float((64, side, side)).text() for side in (16, 8, 4, 2)]
        for several in (f"[{one}]", f"[{one}, {one}]", f"({one}, {one})", f"[{', '.join(maps)}]"):
            yield {names[0]: Text(several)}


def _conventional(name: str, position: int, shape: Input, module: nn.Module) -> Input:
    plain = name.lower()
    if plain in _FIXED:
        return Text(_FIXED[plain])
    if position == 0 and isinstance(shape, Whole):
        return shape
    assert isinstance(shape, Float | Whole)
    if _IDS.fullmatch(plain):
        return Whole((16,), 64)
    if position and _NONE.fullmatch(plain):
        return Text("None")
    if position and _SIDES.fullmatch(plain):
        return Text("4" if len(shape.shape) == 2 else "16")
    if position and _TARGETS.fullmatch(plain):
        return Float(shape.shape)
    if position == 0 and _IMAGES.fullmatch(plain):
        return Float((3, 32, 32)) if not _convolves(module) else shape
    return shape


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in module.modules())


def _shapes(module: nn.Module) -> list[Input]:
    """Main inputs that a module's first layers suggest, then the usual ones."""
    found: list[Input] = []
    for each in module.modules():
        found += _suggested(each)
        if len(found) >= 2:
            break
    usual: list[Input] = [Float((16, 64)), Float((64, 16, 16)), Float((64,)), Float((16, 16, 64))]
    usual += [Whole((16,), 64), Float((3, 32, 32)), Float((64, 16)), Float((64, 4, 8, 8))]
    return list(dict.fromkeys([*found, *usual]))


def _suggested(layer: nn.Module) -> list[Input]:
    match layer:
        case nn.Conv2d() | nn.ConvTranspose2d():
            return [Float((layer.in_channels, 16, 16)), Float((layer.in_channels, 32, 32))]
        case nn.Conv1d() | nn.ConvTranspose1d():
            return [Float((layer.in_channels, 16)), Float((16, layer.in_channels))]
        case nn.Conv3d():
            return [Float((layer.in_channels, 4, 16, 16))]
        case nn.Linear():
            features = layer.in_features
            return [Float((16, features)), Float((4, 4, features)), Float((features,))]
        case nn.Embedding():
            return [Whole((16,), layer.num_embeddings)]
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            return [Float((layer.num_features, 16, 16))]
        case nn.BatchNorm1d():
            return [Float((layer.num_features,)), Float((layer.num_features, 16))]
        case nn.GroupNorm():
            return [Float((layer.num_channels, 16, 16)), Float((layer.num_channels, 16))]
        case nn.LayerNorm():
            shape = tuple(layer.normalized_shape)
            return [Float((16, *shape)), Float((4, 4, *shape))]
        case nn.AvgPool2d() | nn.MaxPool2d() | nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            return [Float((64, 16, 16))]
    return []


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


def mended(inputs: Inputs, message: str) -> Iterator[Inputs]:
    """Changed inputs that an error's message asks for."""
    for name, value in inputs.items():
        if not isinstance(value, Float):
            continue
        for shape in _mended(value.shape, message):
            if shape != value.shape and shape and math.prod(shape) < 1 << 22:
                same = {n: replace(v, shape=shape) if v == value else v for n, v in inputs.items()}
                yield same
                yield {**inputs, name: Float(shape)}
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


def _mended(shape: Shape, message: str) -> Iterator[Shape]:
    if match := _CHANNELS.search(message):
        wanted, got = int(match[2]), [int(n) for n in match[1].split(",")]
        if len(shape) >= 1 and got[1:] and got[1] == shape[0]:
            yield (wanted, *shape[1:])
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


def make(expression: str, batch: int) -> Any:
    """The value that an input's text stands for."""
    return eval(expression, {"torch": torch, "B": batch})
