"""A local transformers model, with or without an adapter, that answers in batches.

Every request draws from a generator of its own, so its text depends on its seed and not on what
else is in the batch, up to the rounding of sums (which a batch's size may change).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lemur2.errors import UserError
from lemur2.llm.backends.base import Backend, ModelError
from lemur2.llm.values import Finish, Message, ModelFacts, Reply, Request, Sampling

if TYPE_CHECKING:
    import torch


class LocalBackend(Backend):
    """Answers on this machine's CPU or GPU, as many requests at once as `batch` says.

    Args:
        model: A GGUF file, a folder, or a hub's name.
        adapter: A LoRA adapter's folder; it is merged into the weights.
        device: Where it runs.
        batch: Requests at once: more are faster in all, and take more memory.
        threads: Of torch on a CPU; None leaves them.
    """

    kind: ClassVar[str] = "hf"

    def __init__(
        self,
        model: str,
        adapter: Path | None = None,
        *,
        device: str = "cpu",
        batch: int = 16,
        threads: int | None = None,
    ) -> None:
        self.name, self.adapter, self.device = model, adapter, device
        self.batch, self.threads = batch, threads
        self._model: Any = None
        self._tokenizer: Any = None

    def open(self) -> None:
        """Load the model, merge the adapter. Raises ModelError."""
        import torch

        from lemur2.finetuning.models import fast_bfloat16, load_model, load_tokenizer

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        try:
            self._tokenizer = load_tokenizer(self.name)
            model = load_model(self.name)
        except UserError as error:
            raise ModelError(str(error)) from error
        if self.adapter is not None:
            model = _merged(model, self.adapter)
        dtype = torch.bfloat16 if fast_bfloat16(self.device) else torch.float32
        self._model = model.to(device=self.device, dtype=dtype).eval()

    @property
    def facts(self) -> ModelFacts:
        """From the model's configuration."""
        return ModelFacts(
            model=Path(self.name).name + (f"+{self.adapter.name}" if self.adapter else ""),
            context=self._model.config.max_position_embeddings,
            prefills=True,
            grammars=False,
        )

    def count(self, messages: Sequence[Message]) -> int:
        """By its tokenizer."""
        return len(self._tokens(messages))

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer them together.

        Raises:
            ModelError: A request asks for a grammar, which this backend does not take.
        """
        import torch

        if any(request.sampling.grammar for request in requests):
            raise ModelError("a local transformers model takes no grammar; use --llm embedded")
        started = time.monotonic()
        rows = [
            _Row(place, self._tokens(request.messages), request.sampling, self.device)
            for place, request in enumerate(requests)
        ]
        with torch.inference_mode():
            self._generate(rows)
        seconds = (time.monotonic() - started) / len(rows)
        return [self._reply(row, seconds) for row in rows]

    def close(self) -> None:
        """Forget the model."""
        self._model = self._tokenizer = None

    def _tokens(self, messages: Sequence[Message]) -> list[int]:
        turns = [{"role": each.role, "content": each.content} for each in messages]
        beginning = ""
        if turns[-1]["role"] == "assistant":
            beginning = turns.pop()["content"]
        text = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        tokens: list[int] = self._tokenizer(text + beginning, add_special_tokens=False)["input_ids"]
        return tokens

    def _generate(self, rows: Sequence[_Row]) -> None:
        """Token by token, with the keys and values kept; rows that have ended leave the batch."""
        import torch
        from transformers import DynamicCache

        # A prompt that all share is read once.
        read = rows[:1] if all(row.prompt == rows[0].prompt for row in rows) else rows
        longest = max(len(row.prompt) for row in read)
        # Padding goes to the left and is masked out, so that all rows end at the same place.
        pads = [longest - len(row.prompt) for row in read]
        fed = torch.tensor([[0] * pad + row.prompt for pad, row in zip(pads, read, strict=True)])
        mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in pads])
        fed, mask = fed.to(self.device), mask.to(self.device)
        cache = DynamicCache(config=self._model.config)
        logits = self._step(fed, mask, cache)
        if len(read) < len(rows):
            cache.batch_repeat_interleave(len(rows))
            logits, mask = logits.expand(len(rows), -1), mask.expand(len(rows), -1)
        going = list(rows)
        while going:
            drawn = [row.draw(logit) for row, logit in zip(going, logits.float(), strict=True)]
            kept = [i for i, row in enumerate(going) if not self._ended(row, drawn[i])]
            if not kept:
                return
            if len(kept) < len(going):
                going = [going[i] for i in kept]
                index = torch.tensor(kept, dtype=torch.long, device=self.device)
                cache.batch_select_indices(index)
                mask = mask[index]
            fed = torch.tensor([[drawn[i]] for i in kept], device=self.device)
            mask = torch.cat([mask, mask.new_ones(len(kept), 1)], dim=1)
            logits = self._step(fed, mask, cache)

    def _step(self, fed: torch.Tensor, mask: torch.Tensor, cache: Any) -> torch.Tensor:
        """The scores of the token after what is fed."""
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -fed.shape[1] :]
        logits: torch.Tensor = self._model(
            input_ids=fed,
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            logits_to_keep=1,
        ).logits
        return logits[:, -1]

    def _ended(self, row: _Row, token: int) -> bool:
        if token == self._tokenizer.eos_token_id:
            return True
        row.text.append(token)
        if len(row.text) >= row.sampling.max_tokens:
            row.finish = "length"
            return True
        if not row.sampling.stop:
            return False
        tail = self._tokenizer.decode(row.text[-32:])
        return any(stop in tail for stop in row.sampling.stop)

    def _reply(self, row: _Row, seconds: float) -> Reply:
        text = self._tokenizer.decode(row.text, skip_special_tokens=True)
        for stop in row.sampling.stop:
            text = text.split(stop, 1)[0]
        return Reply(
            text=text,
            finish=row.finish,
            model=self.facts.model,
            prompt_tokens=len(row.prompt),
            completion_tokens=len(row.text),
            seconds=seconds,
        )


@dataclass
class _Row:
    """One request on its way."""

    place: int
    prompt: list[int]
    sampling: Sampling
    device: str
    text: list[int] = field(default_factory=list)
    finish: Finish = "stop"

    def __post_init__(self) -> None:
        import torch

        self.random = torch.Generator(self.device)
        if self.sampling.seed is None:
            self.random.seed()
        else:
            self.random.manual_seed(self.sampling.seed)

    def draw(self, logits: torch.Tensor) -> int:
        """The next token. Temperature 1 where none is asked for."""
        import torch

        sampling = self.sampling
        temperature = 1.0 if sampling.temperature is None else sampling.temperature
        if temperature == 0:
            return int(logits.argmax())
        shares, tokens = torch.softmax(logits / temperature, -1), None
        if sampling.top_k is not None:
            shares, tokens = shares.topk(min(sampling.top_k, len(shares)))
        elif sampling.top_p is not None and sampling.top_p < 1:
            shares, tokens = shares.sort(descending=True)
        if tokens is not None and sampling.top_p is not None:
            before = shares.cumsum(0) - shares
            shares = shares[before < sampling.top_p]
        drawn = int(torch.multinomial(shares, 1, generator=self.random))
        return drawn if tokens is None else int(tokens[drawn])


def _merged(model: Any, adapter: Path) -> Any:
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"cannot put the adapter {adapter} on the model: {reason}") from error
