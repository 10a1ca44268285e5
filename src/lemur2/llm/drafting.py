"""From requests to source files: ask, extract, sanitise, check, repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lemur2.architecture import Refusal
from lemur2.llm.client import Client
from lemur2.llm.text.wanted import Wanted
from lemur2.llm.values import Request


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What became of one request.

    Attributes:
        source: The file, as it last was; what the model wrote where no file was found in it.
        refusal: Why it is none, where it still is none after the last repair; else None.
        keys: Keys of its requests in the record: the first one, then the repairs.
        steps: What was done to the text, in order (`fence`, `trace`, `imports`, ...).
        prompt: The first request's prompt.
        prompt_tokens, completion_tokens: In all.
        seconds: Of the model, in all.
        finish: Why the last reply ended.
    """

    source: str
    refusal: Refusal | None
    keys: tuple[str, ...]
    steps: tuple[str, ...]
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish: str

    @property
    def repairs(self) -> int:
        """How many repairs were asked for."""
        return len(self.keys) - 1


def draft(
    client: Client, requests: Sequence[Request], wanted: Wanted, *, repairs: int = 2
) -> list[Draft]:
    """Ask for files, all at once; send what cannot be one back, with the error, for repair.

    Args:
        client: Answers.
        requests: One for each file.
        wanted: What a file must be.
        repairs: At most so many rounds of repair.

    Returns:
        A draft for each request, in order, failures included.

    Raises:
        UserError: See `Client.complete`.
    """
    raise NotImplementedError
