"""The client: the one way in which the rest of LEMUR 2 talks to a language model.

    with open_client("embedded", record=Path("run.jsonl")) as llm:
        replies = llm.complete([Request(messages=(Message("user", "..."),), purpose="fewshot")])

What a record already answers is not asked again, and what is asked is on disk before it is given
to the caller: a run that was killed replays what it had and goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from lemur2.llm.backends.base import Backend
from lemur2.llm.values import Message, Reply, Request


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a client may spend in all; None for no bound. What a record answers costs nothing.

    Attributes:
        tokens: Prompt and completion tokens together.
        seconds: Of wall time, from the first request.
        money: In the currency of the prices.
        prompt_price, completion_price: Per million tokens.
    """

    tokens: int | None = None
    seconds: float | None = None
    money: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Persistence:
    """How failures are borne: so many attempts, waiting longer each time."""

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0


class Client:
    """Answers requests by a record or else by a backend. Use it from one thread.

    Args:
        backend: Opened when something must be asked that the record does not answer.
        record: JSONL file of what was asked and answered; read first, then appended to. None
            keeps nothing.
        budget: What may be spent.
        persistence: How often to try.
        concurrency: Requests in flight at once; None takes what the backend likes.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        record: Path | None = None,
        budget: Budget = Budget(),
        persistence: Persistence = Persistence(),
        concurrency: int | None = None,
    ) -> None:
        raise NotImplementedError

    @property
    def model(self) -> str:
        """The model's name."""
        raise NotImplementedError

    @property
    def context(self) -> int | None:
        """Tokens that prompt and reply may have together; None where nobody says."""
        raise NotImplementedError

    @property
    def prefills(self) -> bool:
        """Whether it goes on with a last assistant message."""
        raise NotImplementedError

    @property
    def grammars(self) -> bool:
        """Whether it takes `Sampling.grammar`."""
        raise NotImplementedError

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt."""
        raise NotImplementedError

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers in the order of the requests; each is on disk before this returns.

        Raises:
            UserError: The model cannot be had, goes on failing, or the budget is spent. What was
                answered until then is in the record, so that asking again goes on from there.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give back the backend's resources; may be called twice."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_client(
    spec: str,
    *,
    record: Path | None = None,
    budget: Budget = Budget(),
    persistence: Persistence = Persistence(),
    concurrency: int | None = None,
) -> Client:
    """A client by what `--llm` takes; nothing is loaded or connected yet.

    Args:
        spec: `embedded`; `openai:<base-url>#<model>`; `hf:<name or folder>[+<adapter>]`;
            `replay:<record>` (answers from a record alone); `deck:<record>` (a record's replies
            dealt out by seed, whatever is asked); or a preset's name.

    Raises:
        UsageError: It is none of these.
    """
    raise NotImplementedError
