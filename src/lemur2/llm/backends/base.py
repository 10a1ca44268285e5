"""The contract of a backend: where a model runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from lemur2.errors import UserError
from lemur2.llm.values import Message, ModelFacts, Reply, Request


class TransientError(Exception):
    """This attempt failed, and another may succeed: a busy server, a broken connection.

    Attributes:
        wait: Seconds that the server asks us to wait; None where it does not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class ModelError(UserError):
    """The model cannot be had as it is asked for (no server, wrong key, no such model)."""


def silent(text: str) -> None:
    """Say nothing to who waits."""


class Backend(ABC):
    """A model that answers requests. The client calls it; nobody else needs to.

    `complete` may be called from several threads at once, up to `parallel`; everything else is
    called from one. Nothing is loaded or connected before `open`. What it is busy with it tells
    by `say`, a line for people who wait; from any thread.
    """

    kind: ClassVar[str]  # `openai`, `hf`, `embedded`, ...
    batch: int = 1  # requests that one call of `complete` takes well
    parallel: int = 1  # calls of `complete` that may run at once
    say: Callable[[str], None] = staticmethod(silent)

    @abstractmethod
    def open(self) -> None:
        """Load or connect, and check that the model is there.

        Raises:
            ModelError: It cannot be had. One line: what is wrong, what to do.
        """

    @property
    @abstractmethod
    def facts(self) -> ModelFacts:
        """What the model says of itself, once it is open."""

    @abstractmethod
    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, by the model's own tokenizer where it can be asked."""

    @abstractmethod
    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer up to `batch` requests.

        Raises:
            TransientError: Worth another attempt.
            ModelError: Not worth one.
        """

    def close(self) -> None:
        """Give back what `open` took. May be called at any time, also twice."""
