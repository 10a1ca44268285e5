"""Configuration objects: the values that an origin's own configuration class has, made small.

Blocks that take a `config` read attributes off it. What stands in for it is a `SimpleNamespace`
with the values that the origin's class has by default, sizes reduced so that a trial is quick.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Whole names of integer settings, and what they are reduced to.
_SMALL = (
    (r".*head_dim|.*(key|value|kv|query)_dim|qk_.*_dim|v_head_dim", 16),
    (r".*(heads|n_head|num_head)", 4),
    (r".*(intermediate|ffn|mlp|inner|feed_?forward|ff)_?(size|dim)?.*", 128),
    (r".*num_key_value_heads|.*kv_heads", 2),
    (r"(num|n|.*_num)_?.*(layers?|blocks)|.*_layers|depth|n_layer", 2),
    (r".*vocab_size.*|codebook_size", 128),
    (r".*max_(position|source|target|seq).*|.*max_len(gth)?|n_positions|n_ctx", 64),
    (r"image_size|img_size", 32),
    (r"patch_size", 8),
    (r".*(num|n)_.*experts", 4),
    (r".*experts_per_tok|.*top_?k", 2),
    (r"num_queries|.*num_labels", 10),
    (
        r".*(hidden|embed(ding)?|model|projection|encoder|decoder|d|n_embd?|dim|width).*"
        r"(size|dim|dims|model|width|embd?|channels)?",
        64,
    ),
)
_PATTERNS = [(re.compile(pattern), value) for pattern, value in _SMALL]
_TOKEN = re.compile(r".*(token_id|token_index|_idx|_id|bos|eos|pad)")

NAMESPACE = "SimpleNamespace"

# Where a block reads a setting that its origin's configuration does not give.
USUAL: Mapping[str, Any] = {
    "_attn_implementation": "eager",
    "_experts_implementation": "eager",
    "hidden_size": 64,
    "hidden_dim": 64,
    "embed_dim": 64,
    "d_model": 64,
    "dim": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "num_heads": 4,
    "head_dim": 16,
    "num_hidden_layers": 2,
    "vocab_size": 128,
    "max_position_embeddings": 64,
    "hidden_act": "gelu",
    "activation_function": "gelu",
    "layer_norm_eps": 1e-5,
    "layer_norm_epsilon": 1e-5,
    "rms_norm_eps": 1e-6,
    "initializer_range": 0.02,
    "pad_token_id": 0,
    "image_size": 32,
    "patch_size": 8,
    "num_channels": 3,
    "num_labels": 10,
    "qkv_bias": True,
    "use_cache": False,
    "chunk_size_feed_forward": 0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "attention_bias": False,
    "mlp_bias": False,
    "is_decoder": False,
    "add_cross_attention": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "return_dict": True,
    "problem_type": None,
    "pretraining_tp": 1,
    "drop_path_rate": 0.0,
    "classifier_dropout": None,
    "sliding_window": None,
    "layer_types": ["full_attention", "full_attention"],
    "training": False,
}


def reduced(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with sizes made small; lists with a value per layer are cut to the layers."""
    layers = {
        value: 2
        for name, value in settings.items()
        if type(value) is int and value > 2 and re.fullmatch(r".*layers?|depth|n_layer", name)
    }
    return {name: _reduce(name, value, layers) for name, value in settings.items()}


def _reduce(name: str, value: Any, layers: Mapping[int, int]) -> Any:
    if isinstance(value, Mapping) and name != "rope_parameters":
        return reduced(value)
    if isinstance(value, list) and len(value) in layers and len(value) > 4:
        return value[: layers[len(value)]]
    if type(value) is not int:
        return value
    if _TOKEN.fullmatch(name):
        return value if value < 128 else 1
    small = next((size for pattern, size in _PATTERNS if pattern.fullmatch(name)), None)
    return value if small is None else min(value, small)


def usual_setting(name: str) -> tuple[bool, Any]:
    """Whether there is a usual value for a setting, and the value."""
    if name in USUAL:
        return True, USUAL[name]
    if re.fullmatch(r".*(drop(out)?|_prob|drop_rate|jitter|noise|drop_path)(_.*)?", name):
        return True, 0.0
    if re.fullmatch(r"(use|is|has|with|do|add|output|scale|tie|apply)_.*|.*_bias", name):
        return True, False
    small = next((size for pattern, size in _PATTERNS if pattern.fullmatch(name)), None)
    return small is not None, small


def expression(settings: Mapping[str, Any], maker: str = NAMESPACE) -> str:
    """The text that makes a configuration of the settings, nested ones included.

    Mappings whose keys are not names stay dictionaries, as do those of rotary embeddings, which
    are read as dictionaries.
    """
    parts = [f"{name}={_literal(name, value, maker)}" for name, value in sorted(settings.items())]
    return f"{maker}({', '.join(parts)})"


def _literal(name: str, value: Any, maker: str) -> str:
    if isinstance(value, Mapping) and value and name.endswith("config"):
        return expression(value, maker)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f"float('{value}')"
    return repr(value)
