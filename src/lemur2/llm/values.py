"""What is asked of a language model and what it answers: values, JSON-able throughout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from lemur2.errors import UsageError

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "cut"]
"""Why a reply ended: the model was done, its tokens were used up, or we stopped listening (it ran
past the time, the budget or the characters that one reply may have)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How a reply is drawn. None leaves a setting to the backend's default.

    Attributes:
        temperature: 0 always takes the likeliest token.
        top_k: Only the k likeliest tokens; servers that do not know it are not sent it.
        top_p: Only the likeliest tokens that together have this probability.
        max_tokens: At most so many tokens are generated.
        seed: The same request with the same seed gives the same text where the backend can do so
            (local models can).
        stop: Texts before which the reply ends.
        grammar: A grammar in llama.cpp's GBNF that the text must follow. Only backends whose
            `grammars` is true take it; the others refuse the request.
    """

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    max_tokens: int = 2048
    seed: int | None = None
    stop: tuple[str, ...] = ()
    grammar: str | None = None

    def __post_init__(self) -> None:
        if self.temperature is not None and self.temperature < 0:
            raise UsageError(f"temperature must be 0 or more, not {self.temperature}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top_k must be at least 1, not {self.top_k}")
        if self.max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, not {self.max_tokens}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One question. Equal requests have equal keys, and a record answers by key.

    Attributes:
        messages: The conversation so far. A last message of the role `assistant` is the
            beginning of the reply, which the model goes on with (the reply's text leaves it out);
            only backends whose `prefills` is true take it.
        sampling: How to draw. Vary its seed to ask the same thing again.
        purpose: What it is for (`fewshot`, `repair`, ...), for the record; not part of the key.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    purpose: str = ""

    @property
    def key(self) -> str:
        """Hex digest of messages and sampling: what a record is looked up by."""
        return _digest([[[m.role, m.content] for m in self.messages], asdict(self.sampling)])

    @property
    def prompt(self) -> str:
        """The conversation as one text: what a candidate keeps as its prompt."""
        return "\n\n".join(f"[{m.role}]\n{m.content}" for m in self.messages)

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        return {
            "messages": [{"role": m.role, "content": m.content} for m in self.messages],
            "sampling": asdict(self.sampling),
            "purpose": self.purpose,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        sampling = dict(found["sampling"])
        return cls(
            messages=tuple(Message(m["role"], m["content"]) for m in found["messages"]),
            sampling=Sampling(**{**sampling, "stop": tuple(sampling.get("stop", ()))}),
            purpose=found.get("purpose", ""),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer, raw.

    Attributes:
        text: As the model gave it, whatever it is.
        finish: Why it ended.
        model: What answered, as the backend names it.
        prompt_tokens, completion_tokens: As the backend counts them; estimated (characters / 3)
            where it does not say, then `estimated` is true.
        seconds: From sending to the last token.
        attempts: How often it was asked, failures included.
        reasoning: A thinking trace that the server keeps apart from the text, else "".
    """

    text: str
    finish: Finish = "stop"
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    attempts: int = 1
    reasoning: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """What a model says of itself.

    Attributes:
        model: Its name.
        context: Tokens that prompt and reply may have together; None where nobody says.
        prefills: Whether it goes on with a last message of the role `assistant`.
        grammars: Whether it takes `Sampling.grammar`.
        prompt: Tokens of a prompt that it reads in good time, where that is less than its context.
        samples: Replies that one prompt is best asked for: reading it again costs nothing.
        together: Replies that it gives side by side.
    """

    model: str
    context: int | None = None
    prefills: bool = False
    grammars: bool = False
    prompt: int | None = None
    samples: int = 1
    together: int = 1


def conversation_key(messages: Sequence[Message]) -> str:
    """Hex digest of a conversation."""
    return _digest([[m.role, m.content] for m in messages])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
