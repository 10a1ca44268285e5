"""A child process that runs a transformers model: one JSON object a line in, one out.

    python -m lemur2.llm.backends.hf_child

`load` comes first, then `count` and `complete`; it ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lemur2.errors import UserError
from lemur2.llm.backends.decoding import Decoder, Row
from lemur2.llm.backends.weights import (
    fast_bfloat16,
    load_model,
    load_tokenizer,
    put_adapter,
)
from lemur2.llm.values import Sampling


class Model:
    """A model and its tokenizer."""

    def __init__(self, model: str, adapter: str, four_bit: bool) -> None:
        self.tokenizer = load_tokenizer(model)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if fast_bfloat16(device) else torch.float32
        options: dict[str, Any] = {"quantization_config": _four_bit()} if four_bit else {}
        loaded = load_model(model, dtype if four_bit else torch.float32, **options)
        if adapter:
            loaded = put_adapter(loaded, Path(adapter))
        if not four_bit:  # only now: the adapter is added in float32
            loaded = loaded.to(device=device, dtype=dtype)
        self.model: Any = loaded.eval()
        self.decoder = Decoder(self.model, self.tokenizer)
        self.name = Path(model).name if Path(model).suffix == ".gguf" else model
        if adapter:
            self.name += f"+{Path(adapter).name}"

    def facts(self) -> dict[str, Any]:
        """What the parent is told of it."""
        context = getattr(self.model.config, "max_position_embeddings", None)
        return {"model": self.name, "context": context, "prefills": True, "grammars": False}

    def prompt(self, messages: list[dict[str, str]]) -> str:
        """A conversation in the model's chat format; as plain text where it has none."""
        if self.tokenizer.chat_template is None:
            return "\n\n".join(each["content"] for each in messages)
        begun = messages[-1]["role"] == "assistant"
        text = self.tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=not begun,
            continue_final_message=begun,
        )
        return str(text)

    def encode(self, messages: list[dict[str, str]]) -> list[int]:
        """A conversation's tokens; the chat format brings its own special ones."""
        plain = self.tokenizer.chat_template is None
        text = self.prompt(messages)
        tokens: list[int] = self.tokenizer(text, add_special_tokens=plain)["input_ids"]
        return tokens

    def complete(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answer requests together."""
        started = time.monotonic()
        rows = [
            Row(
                self.encode(each["messages"]),
                Sampling(**{**each["sampling"], "stop": tuple(each["sampling"]["stop"])}),
            )
            for each in requests
        ]
        self.decoder.draw(rows)
        seconds = (time.monotonic() - started) / len(rows)
        return [self._reply(row, seconds) for row in rows]

    def _reply(self, row: Row, seconds: float) -> dict[str, Any]:
        text = str(self.tokenizer.decode(row.text, skip_special_tokens=True))
        cut = min((at for stop in row.sampling.stop if (at := text.find(stop)) >= 0), default=None)
        return {
            "text": text[:cut],
            "finish": row.finish,
            "model": self.name,
            "prompt_tokens": len(row.prompt),
            "completion_tokens": len(row.text),
            "seconds": seconds,
        }


def _four_bit() -> Any:
    from importlib.util import find_spec

    if not torch.cuda.is_available() or find_spec("bitsandbytes") is None:
        raise ValueError("4 bits need a CUDA device and the package bitsandbytes")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.bfloat16)


def serve(answer: Callable[[dict[str, Any]], None]) -> None:
    """Answer line by line until the input ends."""
    model: Model | None = None
    for line in sys.stdin:
        told = json.loads(line)
        what = told.pop("do")
        try:
            if what == "load":
                model = Model(**told)
                answer({"ok": model.facts()})
            elif what == "count":
                assert model is not None
                answer({"ok": len(model.encode(told["messages"]))})
            else:
                assert model is not None
                answer({"ok": model.complete(told["requests"])})
        except (OSError, ValueError, RuntimeError, ImportError, UserError) as error:
            answer({"error": " ".join(str(error).split())[:400]})


def main() -> None:
    """Keep what libraries print away from the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    serve(answer)


if __name__ == "__main__":
    main()
