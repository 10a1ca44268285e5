"""What fine-tuning needs beside the base install."""

from __future__ import annotations

from importlib.util import find_spec

from lemur2.errors import UserError

_PACKAGES = ("accelerate", "datasets", "gguf", "jinja2", "peft", "torch", "transformers", "trl")


def check_installed() -> None:
    """Raises UserError, where a package of the extra `finetune` is missing."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"fine-tuning needs {', '.join(missing)}; do `pip install 'lemur2[finetune,llm,train]'`"
        )
