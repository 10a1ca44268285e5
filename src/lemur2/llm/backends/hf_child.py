"""A child process that runs a transformers model: one JSON object a line in, one out.

    python -m lemur2.llm.backends.hf_child

`load` comes first, then `count` and `complete`; it ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


class DrawnBySeed(LogitsProcessor):
    """Draws every row's token by a random generator of its own (the Gumbel-max trick).

    The likeliest token of what it gives is distributed as the scores say, so that greedy decoding
    samples; a row's draws do not depend on the rows beside it.
    """

    def __init__(self, seeds: list[int]) -> None:
        self.chances = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores with noise."""
        size = scores.shape[-1:]
        drawn = [torch.rand(size, generator=each, dtype=torch.float64) for each in self.chances]
        noise = -torch.log(-torch.log(torch.stack(drawn).clamp_min(1e-300)))
        return scores + noise.to(scores.device, scores.dtype)


class Model:
    """A model and its tokenizer."""

    def __init__(self, model: str, adapter: str, four_bit: bool) -> None:
        path = Path(model)
        given: dict[str, Any] = {}
        if path.suffix == ".gguf":
            model, given = str(path.parent), {"gguf_file": path.name}
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left", **given)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        cuda = torch.cuda.is_available()
        settings: dict[str, Any] = {"dtype": torch.bfloat16 if cuda else torch.float32}
        if four_bit:
            settings["quantization_config"] = _four_bit()
        self.model: Any = AutoModelForCausalLM.from_pretrained(model, **settings, **given)
        if adapter:
            from peft import PeftModel

            self.model = PeftModel.from_pretrained(self.model, adapter)
        if cuda and not four_bit:
            self.model.to("cuda")
        self.model.eval()
        self.name = path.name if path.suffix == ".gguf" else model
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

    def encode(self, prompts: list[str]) -> Any:
        """Token ids and mask; the chat format brings its own special tokens."""
        plain = self.tokenizer.chat_template is None
        return self.tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=plain)

    def complete(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answer requests, those with the same settings together."""
        found: list[dict[str, Any]] = [{} for _ in requests]
        groups: dict[str, list[int]] = {}
        for place, request in enumerate(requests):
            alike = json.dumps({**request["sampling"], "seed": None}, sort_keys=True)
            groups.setdefault(alike, []).append(place)
        for places in groups.values():
            replies = self._group([requests[place] for place in places])
            for place, reply in zip(places, replies, strict=True):
                found[place] = reply
        return found

    @torch.no_grad()
    def _group(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        started = time.monotonic()
        drawn = requests[0]["sampling"]
        inputs = self.encode([self.prompt(each["messages"]) for each in requests])
        inputs = inputs.to(self.model.device)
        given = self.model.generate(
            **inputs,
            max_new_tokens=drawn["max_tokens"],
            do_sample=False,
            logits_processor=_processors(requests),
            stop_strings=drawn["stop"] or None,
            tokenizer=self.tokenizer,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        seconds = (time.monotonic() - started) / len(requests)
        start = inputs["input_ids"].shape[1]
        prompts = inputs["attention_mask"].sum(1).tolist()
        rows = zip(given[:, start:].tolist(), prompts, strict=True)
        return [self._reply(tokens, prompt, drawn, seconds) for tokens, prompt in rows]

    def _reply(
        self, tokens: list[int], prompt: int, drawn: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        ends = self.model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        ends |= {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        length = next((place for place, each in enumerate(tokens) if each in ends), len(tokens))
        text = str(self.tokenizer.decode(tokens[:length], skip_special_tokens=True))
        cut = min((at for stop in drawn["stop"] if (at := text.find(stop)) >= 0), default=None)
        done = length < len(tokens) or length < drawn["max_tokens"] or cut is not None
        return {
            "text": text[:cut],
            "finish": "stop" if done else "length",
            "model": self.name,
            "prompt_tokens": prompt,
            "completion_tokens": length,
            "seconds": seconds,
        }


def _processors(requests: list[dict[str, Any]]) -> LogitsProcessorList:
    drawn = requests[0]["sampling"]
    temperature = 1.0 if drawn["temperature"] is None else drawn["temperature"]
    found = LogitsProcessorList()
    if temperature == 0:
        return found
    found.append(TemperatureLogitsWarper(float(temperature)))
    if drawn["top_k"]:
        found.append(TopKLogitsWarper(drawn["top_k"]))
    if drawn["top_p"] is not None:
        found.append(TopPLogitsWarper(float(drawn["top_p"])))
    seeds = (each["sampling"]["seed"] for each in requests)
    found.append(DrawnBySeed([torch.seed() if seed is None else seed for seed in seeds]))
    return found


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
                ids = model.encode([model.prompt(told["messages"])])["input_ids"]
                answer({"ok": ids.shape[1]})
            else:
                assert model is not None
                answer({"ok": model.complete(told["requests"])})
        except (OSError, ValueError, RuntimeError, ImportError) as error:
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
