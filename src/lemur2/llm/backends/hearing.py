"""A streamed reply, put together event by event; what servers send is odd now and then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lemur2.llm.values import Finish

_MOST_TOKENS = 1 << 40


@dataclass
class Heard:
    """What came of one stream until now.

    Attributes:
        text, reasoning: In the pieces that they came in.
        characters: Of both.
        finish: Why it ended; None while it has not.
        model: What the server calls itself.
        usage: Tokens of the prompt and of the reply, where the server counts them.
        kind: The response's content type.
    """

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    characters: int = 0
    finish: Finish | None = None
    model: str = ""
    usage: tuple[int, int] | None = None
    kind: str = "text/event-stream"

    @property
    def oddity(self) -> str:
        """What may be the cause where no event was understood."""
        if self.kind.startswith("text/event-stream"):
            return ""
        return f": it is {self.kind[:60] or 'of no type'}, and not a stream of events"

    def take(self, event: Any) -> None:
        """Add an event.

        Raises:
            ValueError: It is none of a reply; the message says why.
        """
        event = _object(event, "an event")
        model = event.get("model")
        self.model = model if isinstance(model, str) and model else self.model
        self.usage = _usage(event.get("usage")) or self.usage
        choices = event.get("choices") or []
        if not isinstance(choices, list):
            raise ValueError("choices that are no list")
        for choice in choices[:1]:
            self._take_choice(_object(choice, "a choice"))

    def _take_choice(self, choice: dict[str, Any]) -> None:
        delta = _object(choice.get("delta") or {}, "a delta")
        said, thought = _text(delta.get("content")), _text(delta.get("reasoning_content"))
        self.text.append(said)
        self.reasoning.append(thought)
        self.characters += len(said) + len(thought)
        reason = choice.get("finish_reason")
        if reason is not None:
            self.finish = "length" if reason == "length" else "stop"


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} that is no object")
    return value


def _text(value: Any) -> str:
    """A text, or a list of parts of type `text`, which some servers send."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [_object(part, "a part of the content") for part in value]
        texts = [part.get("text") for part in parts if part.get("type", "text") == "text"]
        if all(isinstance(text, str) for text in texts):
            return "".join(texts)  # type: ignore[arg-type]
    raise ValueError("a content that is no text")


def _usage(value: Any) -> tuple[int, int] | None:
    """Both counts; None where they are not there, or no counts."""
    if not isinstance(value, dict):
        return None
    counts = value.get("prompt_tokens"), value.get("completion_tokens")
    if all(type(count) is int and 0 <= count < _MOST_TOKENS for count in counts):
        return counts  # type: ignore[return-value]
    return None
