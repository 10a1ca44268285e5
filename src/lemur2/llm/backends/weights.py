"""Weights and tokenizers from a GGUF file, a folder or a hub's name. Imports torch."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from lemur2.llm.backends.base import ModelError


def load_tokenizer(model: str) -> Any:
    """The tokenizer of a model. Raises ModelError."""
    return _load(AutoTokenizer, model)


def load_model(model: str, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    """A model's weights. A GGUF file is unpacked, so that it can be trained.

    Raises:
        ModelError: It cannot be had.
    """
    if Path(model).suffix == ".gguf":
        # Left packed, every product would unpack them again.
        options["quantization_config"] = GgufConfig(dequantize=True)
    return _load(AutoModelForCausalLM, model, dtype=dtype, **options)


def put_adapter(model: Any, adapter: Path) -> Any:
    """The model with a LoRA adapter's change in its weights, so that it costs nothing to run.

    Raises:
        ModelError: The adapter is none, or is another model's.
    """
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"cannot put the adapter {adapter} on the model: {_short(error)}"
        ) from error


def fast_bfloat16(device: str) -> bool:
    """Whether a device computes bfloat16 faster than float32."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _load(kind: Any, model: str, **options: Any) -> Any:
    path = Path(model)
    transformers.utils.logging.disable_progress_bar()
    if path.suffix == ".gguf" and not path.is_file():
        raise ModelError(f"there is no model {path}")
    try:
        if path.suffix == ".gguf":
            # Its unpacking draws a bar of its own, which nothing else turns off.
            with contextlib.redirect_stderr(io.StringIO()):
                return kind.from_pretrained(path.parent, gguf_file=path.name, **options)
        return kind.from_pretrained(model, **options)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f"cannot load the model {model}: {_short(error)}; give a GGUF file, a folder that "
            "transformers wrote, or a name that its hub knows"
        ) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
