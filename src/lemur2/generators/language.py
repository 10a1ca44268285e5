"""What generators that ask a language model have in common."""

from __future__ import annotations

import dataclasses
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from lemur2.architecture import Candidate, content_name
from lemur2.llm import BudgetSpent, Client, Draft, LlmConfig, Request, Sampling, Wanted, draft
from lemur2.loop.generator import Generator

_SEEDS = 1 << 20  # of one run: those of its requests are consecutive
_log = logging.getLogger(__name__)

ConfigT = TypeVar("ConfigT", bound=LlmConfig)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, and what is known of its candidate before the reply.

    Attributes:
        request: To be asked.
        prefix: Of the candidate's name.
        parents: What it is made from.
        parameters: What else to keep of it.
        kind: What the file is to be.
    """

    request: Request
    prefix: str
    parents: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["architecture", "transform"] = "architecture"


class LanguageGenerator(Generator[ConfigT]):
    """Asks a language model for files.

    Every reply becomes a candidate, also one that is no such file after its repairs: the loop
    refuses it with the cause, and the funnel counts it. Subclasses say what to ask for a
    candidate's number; that must depend on nothing but the config, the seed, the pool and the
    number, so that a resumed run asks the same, and what the record answers is not asked again.
    """

    piecemeal: ClassVar[bool] = True

    def __init__(self, config: ConfigT, seed: int) -> None:
        super().__init__(config, seed)
        self._client: Client | None = None
        self._asked = 0
        self._ahead: list[Candidate] = []  # answered in one go with earlier ones, not given yet
        self._spent = False

    @property
    @abstractmethod
    def wanted(self) -> Wanted:
        """What a file must be."""

    @property
    def tail(self) -> str:
        """What follows the first reply in the file. By default nothing."""
        return ""

    @abstractmethod
    def prepare(self, client: Client, number: int) -> Asked:
        """What to ask for a candidate.

        Raises:
            UserError: The model's context does not hold it.
        """

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next ones, as many as the model gives side by side; none where the budget is spent.

        Raises:
            UserError: The model cannot be had, or its context does not hold a prompt.
        """
        short = limit - len(self._ahead)
        if short > 0 and not self._spent:
            self._ahead += self._generate(short)
        given, self._ahead = self._ahead[:limit], self._ahead[limit:]
        return given

    def state(self) -> Mapping[str, Any]:
        """How many were asked for, and those that were answered but not given yet."""
        return {
            "asked": self._asked,
            "ahead": [dataclasses.asdict(candidate) for candidate in self._ahead],
            "spent": self._spent,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there. What the record answers is not asked again."""
        self._asked = state["asked"]
        self._spent = state["spent"]
        self._ahead = [
            Candidate(**{**each, "parents": tuple(each["parents"])}) for each in state["ahead"]
        ]

    def close(self) -> None:
        """Let the model go."""
        super().close()
        if self._client is not None:
            self._client.close()
            self._client = None

    def sampling(self, number: int, **changes: Any) -> Sampling:
        """The config's, with a seed of the candidate's own."""
        return self.config.sampling((self.seed * _SEEDS + number) % (1 << 31), **changes)

    def _generate(self, short: int) -> list[Candidate]:
        if self._client is None:
            self._client = self.config.open(self.say)
        count = self.config.concurrency or self._client.facts.together
        if not self.config.concurrency:
            count = min(short, count)
        numbers = range(self._asked, self._asked + count)
        try:
            asked = [self.prepare(self._client, number) for number in numbers]
            drafts = draft(
                self._client,
                [each.request for each in asked],
                self.wanted,
                repairs=self.config.repairs,
                tail=self.tail,
            )
        except BudgetSpent as error:
            _log.warning("%s", error)
            self._spent = True
            return []
        self._asked += count
        found = zip(numbers, asked, drafts, strict=True)
        return [self._candidate(self._client, *each) for each in found]

    def _candidate(self, client: Client, number: int, asked: Asked, made: Draft) -> Candidate:
        client.link(content_name(asked.prefix, made.source), made.keys)
        return Candidate(
            source=made.source,
            kind=asked.kind,
            generator=self.name,
            prefix=asked.prefix,
            parents=asked.parents,
            parameters={
                "number": number,
                **asked.parameters,
                "llm": self.config.llm,
                "model": client.facts.model,
                "requests": list(made.keys),
                "repairs": made.repairs,
                "steps": list(made.steps),
                "prompt_tokens": made.prompt_tokens,
                "completion_tokens": made.completion_tokens,
                "finish": made.finish,
                "refused": str(made.refusal) if made.refusal is not None else None,
            },
            prompt=made.prompt,
        )
