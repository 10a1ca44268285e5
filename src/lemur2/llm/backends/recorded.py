"""Models that are records: what was answered once is answered again, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lemur2.llm.backends.base import Backend, ModelError
from lemur2.llm.record import Record, exchanges
from lemur2.llm.values import Message, ModelFacts, Reply, Request


class ReplayBackend(Backend):
    """Answers only what its record answers, to the letter; a run is replayed by it offline.

    Args:
        path: The record.
    """

    kind: ClassVar[str] = "replay"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._record: Record | None = None
        self._name = ""

    def open(self) -> None:
        """Read the record."""
        if not self.path.exists():
            raise ModelError(f"there is no record {self.path}; name one in --llm replay:FILE")
        self._record = Record(self.path, writable=False)
        names = self._record.models()
        if len(names) != 1:
            raise ModelError(
                f"{self.path} has replies of {' and '.join(names) or 'no model'}; replay takes "
                "records of one model"
            )
        self._name = names[0]

    @property
    def facts(self) -> ModelFacts:
        """What the record says of its model."""
        return self._known().facts(self._name) or ModelFacts(model=self._name)

    def count(self, messages: Sequence[Message]) -> int:
        """What the record says."""
        tokens = self._known().count(self._name, messages)
        if tokens is None:
            raise self._missing("how long this prompt is")
        return tokens

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """What the record says."""
        replies = [self._known().find(self._name, request) for request in requests]
        if None in replies:
            raise self._missing("this request")
        return [reply for reply in replies if reply is not None]

    def _known(self) -> Record:
        assert self._record is not None, "the backend is not open"
        return self._record

    def _missing(self, what: str) -> ModelError:
        return ModelError(
            f"the record {self.path} does not answer {what}; replay takes the options and the "
            "seed of the run that it was made by"
        )


class DeckBackend(Backend):
    """Deals a record's replies out by seed, whatever is asked: reply number seed modulo count.

    It stands in for the model that was recorded where no model may run: in tests, and to try what
    comes after the model. Its prompts are not what its replies were given to.

    Args:
        path: The record.
    """

    kind: ClassVar[str] = "deck"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._replies: list[Reply] = []

    def open(self) -> None:
        """Read the record."""
        if not self.path.exists():
            raise ModelError(f"there is no record {self.path}; name one in --llm deck:FILE")
        self._replies = [reply for _, _, reply in exchanges(self.path)]
        if not self._replies:
            raise ModelError(f"the record {self.path} has no replies")

    @property
    def facts(self) -> ModelFacts:
        """As a model without bounds that takes everything."""
        name = f"deck of {self.path.name}"
        return ModelFacts(model=name, prefills=True, grammars=True, together=16)

    def count(self, messages: Sequence[Message]) -> int:
        """Characters / 3: whose tokenizer it was does not matter."""
        return sum(len(m.content) // 3 + 8 for m in messages)

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Deal."""
        count = len(self._replies)
        return [self._replies[(request.sampling.seed or 0) % count] for request in requests]
