"""Drawing replies in a batch, every one by a generator of its own.

A reply depends on its seed and not on what else is in the batch, up to the rounding of sums (which
a batch's size may change: in bfloat16 that now and then changes a text). Replies that have ended
leave the batch, and a prompt that all share is read once: many draws of one question are what
generators ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache

from lemur2.llm.values import Finish, Sampling


@dataclass(eq=False)
class Row:
    """One reply on its way.

    Attributes:
        prompt: Its tokens.
        sampling: How to draw; temperature 1 where none is asked for.
        text: The tokens drawn so far, without the one that ended it.
        finish: Why it ended.
    """

    prompt: list[int]
    sampling: Sampling
    text: list[int] = field(default_factory=list)
    finish: Finish = "stop"

    def __post_init__(self) -> None:
        self.random = torch.Generator()
        if self.sampling.seed is None:
            self.random.seed()
        else:
            self.random.manual_seed(self.sampling.seed)

    def draw(self, logits: torch.Tensor) -> int:
        """The next token, from scores on the CPU."""
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


class Decoder:
    """Draws rows from a model.

    Args:
        model: A causal language model of transformers.
        tokenizer: Its tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer
        ends = model.generation_config.eos_token_id
        self.ends = {ends} if isinstance(ends, int) else set(ends or ())
        self.ends.add(tokenizer.eos_token_id)

    @torch.inference_mode()
    def draw(self, rows: Sequence[Row]) -> None:
        """Write every row's text, token by token, with the keys and values kept."""
        cache = DynamicCache(config=self.model.config)
        logits, mask = self._read(rows, cache)
        going = list(rows)
        while True:
            scores = logits.float().cpu()
            drawn = [row.draw(score) for row, score in zip(going, scores, strict=True)]
            kept = [i for i, row in enumerate(going) if not self._ended(row, drawn[i])]
            if not kept:
                return
            if len(kept) < len(going):
                going = [going[i] for i in kept]
                index = torch.tensor(kept, dtype=torch.long, device=mask.device)
                cache.batch_select_indices(index)
                mask = mask[index]
            fed = torch.tensor([[drawn[i]] for i in kept], device=mask.device)
            mask = torch.cat([mask, mask.new_ones(len(kept), 1)], dim=1)
            logits = self._step(fed, mask, cache)

    def _read(self, rows: Sequence[Row], cache: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Feed the prompts: the scores of their next tokens, and what counts of each."""
        alike = all(row.prompt == rows[0].prompt for row in rows)
        read = rows[:1] if alike else rows
        longest = max(len(row.prompt) for row in read)
        # Padding goes to the left and is masked out, so that all rows end at the same place.
        pads = [longest - len(row.prompt) for row in read]
        fed = torch.tensor([[0] * pad + row.prompt for pad, row in zip(pads, read, strict=True)])
        mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in pads])
        fed, mask = fed.to(self.model.device), mask.to(self.model.device)
        logits = self._step(fed, mask, cache)
        if len(read) == len(rows):
            return logits, mask
        cache.batch_repeat_interleave(len(rows))
        return logits.expand(len(rows), -1), mask.expand(len(rows), -1)

    def _step(self, fed: torch.Tensor, mask: torch.Tensor, cache: Any) -> torch.Tensor:
        """The scores of the token after what is fed."""
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -fed.shape[1] :]
        logits: torch.Tensor = self.model(
            input_ids=fed,
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            logits_to_keep=1,
        ).logits
        return logits[:, -1]

    def _ended(self, row: Row, token: int) -> bool:
        if token in self.ends:
            return True
        row.text.append(token)
        stops = row.sampling.stop
        if stops and any(stop in self.tokenizer.decode(row.text[-32:]) for stop in stops):
            return True
        if len(row.text) >= row.sampling.max_tokens:
            row.finish = "length"
            return True
        return False
