"""Inputs for a block's forward, first by convention, then as its errors suggest.

An input is a text that makes a tensor, given the batch size `B`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lemur2.evaluation.blocks.conventions import TOKENS, WIDTH

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
TOKEN_NAMES = re.compile(
    r".*(hidden_states?|inputs_embeds|query|key|value|queries|keys|values|embeddings?|memory|src|tgt"
    r"|sequence_output|context|latents?|tokens|residual|encoder_output|vision_features|text_features"
    r"|image_features|image_embeddings|audio_features|input_features?|key_value_states|q|k|v)"
)
ID_NAMES = re.compile(r".*(input_ids|token_ids|decoder_input_ids|indices|residue_index|word_ids)")
_IMAGES = re.compile(r"(pixel_values|images?|img|input_images?|pixel_values_.*|frames?|video)")
FIXED: Mapping[str, str] = {
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
    if "top_k_index" in names:  # experts take tokens of all samples in one row
        flat = {names[0]: Text(f"torch.randn({TOKENS} * B, {WIDTH})")}
        yield {n: flat.get(n) or _conventional(n, 1, hints[0], module) for n in names}
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
    if plain in FIXED:
        return Text(FIXED[plain])
    if position == 0 and isinstance(shape, Whole):
        return shape
    assert isinstance(shape, Float | Whole)
    if ID_NAMES.fullmatch(plain):
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
        case nn.AvgPool2d() | nn.MaxPool2d() | nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            return [Float((64, 16, 16))]
    return _normalised(layer)


def _normalised(layer: nn.Module) -> list[Input]:
    match layer:
        case nn.BatchNorm2d() | nn.InstanceNorm2d():
            return [Float((layer.num_features, 16, 16))]
        case nn.BatchNorm1d():
            return [Float((layer.num_features,)), Float((layer.num_features, 16))]
        case nn.GroupNorm():
            return [Float((layer.num_channels, 16, 16)), Float((layer.num_channels, 16))]
        case nn.LayerNorm():
            shape = tuple(layer.normalized_shape)
            return [Float((16, *shape)), Float((4, 4, *shape))]
    return []


def make(expression: str, batch: int) -> Any:
    """The value that an input's text stands for."""
    return eval(expression, {"torch": torch, "B": batch})
