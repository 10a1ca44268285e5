"""Models and tokenizers to train, from a GGUF file, a folder or a hub's name. Imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from lemur2.errors import UserError
from lemur2.finetuning.examples import Count


def load_tokenizer(model: str) -> Any:
    """The tokenizer of a model. Raises UserError."""
    return _load(AutoTokenizer, model)


def counter(tokenizer: Any) -> Count:
    """What counts the tokens of texts."""
    return lambda texts: [len(ids) for ids in tokenizer(list(texts))["input_ids"]]


def load_model(model: str, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    """A model's weights. A GGUF file is dequantised, so that it can be trained.

    Raises:
        UserError: It cannot be had.
    """
    if Path(model).suffix == ".gguf":
        # Left packed, every product would unpack them again.
        options["quantization_config"] = GgufConfig(dequantize=True)
    return _load(AutoModelForCausalLM, model, dtype=dtype, **options)


def fast_bfloat16(device: str) -> bool:
    """Whether a device computes bfloat16 faster than float32."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)


def _load(kind: Any, model: str, **options: Any) -> Any:
    path = Path(model)
    transformers.utils.logging.disable_progress_bar()
    try:
        if path.suffix == ".gguf":
            if not path.is_file():
                raise UserError(f"there is no model {path}")
            return kind.from_pretrained(path.parent, gguf_file=path.name, **options)
        return kind.from_pretrained(model, **options)
    except (OSError, ValueError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"cannot load the model {model}: {reason}; give a GGUF file, a folder that "
            "transformers wrote, or a name that its hub knows"
        ) from error
