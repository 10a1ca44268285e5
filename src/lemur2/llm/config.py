"""What a generator's config says of its model: the same options for all that use one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lemur2.errors import UsageError
from lemur2.llm.backends.base import silent
from lemur2.llm.choosing import make_backend, open_client, preset_of
from lemur2.llm.client import Budget, Client
from lemur2.llm.values import Sampling

RECORDS = Path("lemur2-llm")
"""The folder that records are kept in, where no other file is named."""


@dataclass(frozen=True, kw_only=True)
class LlmConfig:
    """Which model, how it is drawn from, what it may take, where it is recorded.

    A generator that uses a model inherits its config from this.
    """

    llm: str = field(
        default="embedded",
        metadata={
            "help": "the model: embedded, a GGUF file, openai:URL#MODEL, hf:NAME[+ADAPTER], "
            "replay:RECORD, "
            "deck:RECORD, or a preset (`lemur2 prompt --models` lists them)"
        },
    )
    record: str = field(
        default="",
        metadata={"help": "file of all requests and replies [lemur2-llm/MODEL.jsonl]"},
    )
    temperature: float | None = field(
        default=None, metadata={"help": "of sampling [the preset's, else 0.6]"}
    )
    top_k: int | None = field(
        default=None, metadata={"help": "sample from so many tokens; 0 for all [the preset's]"}
    )
    top_p: float | None = field(
        default=None, metadata={"help": "sample from so much probability [the preset's]"}
    )
    max_tokens: int | None = field(
        default=None,
        metadata={"help": "longest reply, never more than the context leaves [the preset's]"},
    )
    repairs: int = field(default=2, metadata={"help": "rounds of repair that a refused reply gets"})
    concurrency: int = field(
        default=0, metadata={"help": "requests in flight at once; 0 for what the model likes"}
    )
    budget_tokens: int | None = field(
        default=None, metadata={"help": "no more requests after so many tokens in all"}
    )
    budget_seconds: float | None = field(
        default=None, metadata={"help": "no more requests after so many seconds of replies"}
    )
    budget_money: float | None = field(
        default=None, metadata={"help": "no more requests after so much money"}
    )
    prompt_price: float = field(
        default=0.0, metadata={"help": "of a million prompt tokens, for the budget"}
    )
    completion_price: float = field(
        default=0.0, metadata={"help": "of a million tokens of replies, for the budget"}
    )

    def __post_init__(self) -> None:
        make_backend(self.llm)
        self.sampling(0)
        self.budget()
        if self.repairs < 0 or self.concurrency < 0:
            raise UsageError("repairs and concurrency must be 0 or more")

    def sampling(self, seed: int, max_tokens: int = 2048) -> Sampling:
        """How to draw: what is said, else the preset's, else the paper's (10.1).

        Args:
            seed: Of the reply.
            max_tokens: Where neither the config nor the preset says.
        """
        preset = preset_of(self.llm)
        top_k = preset.top_k if self.top_k is None else self.top_k
        chosen = (self.temperature, preset.temperature, 0.6)
        return Sampling(
            temperature=next(value for value in chosen if value is not None),
            top_k=top_k or None,
            top_p=preset.top_p if self.top_p is None else self.top_p,
            max_tokens=self.max_tokens or preset.max_tokens or max_tokens,
            seed=seed,
        )

    def budget(self) -> Budget:
        """What the model may take."""
        return Budget(
            tokens=self.budget_tokens,
            seconds=self.budget_seconds,
            money=self.budget_money,
            prompt_price=self.prompt_price,
            completion_price=self.completion_price,
        )

    def open(self, say: Callable[[str], None] = silent) -> Client:
        """A client; nothing is loaded or connected yet.

        Args:
            say: See `Client`.

        Raises:
            UserError: The record cannot be kept.
        """
        return open_client(
            self.llm,
            record=self._record(),
            budget=self.budget(),
            concurrency=self.concurrency or None,
            say=say,
        )

    def _record(self) -> Path | None:
        if self.record:
            return Path(self.record)
        if self.llm.startswith(("replay:", "deck:")):
            return None  # it is one
        name = re.sub(r"[^\w.-]+", "-", self.llm).strip("-")
        return RECORDS / f"{name}.jsonl"
