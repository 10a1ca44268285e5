"""The contract of a generator: ask, tell, and a state that can be stored."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from lemur2.architecture import Candidate
from lemur2.corpus import Outcome
from lemur2.evaluation.engines import Engine, LocalEngine

if TYPE_CHECKING:
    from lemur2.corpus.pool import Pool

ConfigT = TypeVar("ConfigT")


def silent(text: str) -> None:
    """Say nothing to who waits."""


class Generator(ABC, Generic[ConfigT]):
    """Proposes candidates and learns from what became of them.

    The grow loop owns the run: it alone calls these methods, one at a time. It calls `tell`
    with every outcome, failures included, in the order in which `ask` gave the candidates,
    whatever order they finished in (or as they finish, where `order` or the run says so), and it
    calls `ask` at points that depend only on how many outcomes were told. A generator whose
    choices depend on nothing but its config, its seed and what it was told is therefore
    deterministic, and the loop stores `state()` with every step, so that a killed run continues
    to the result it would have had.

    One that is `piecemeal` takes its time over a candidate and learns nothing from outcomes: it
    gives what it has as soon as it has it, and the loop asks again (in another thread) until the
    window is full, while the first ones are evaluated.

    Subclasses set `name`, `about` and `Config`: one frozen dataclass, keyword only, each field
    with a default and `metadata={"help": ...}`; the Python API and the command line both come
    from it. What they know of the corpus is the pool that `meet` brings. What they run of foreign
    code runs on `engine`. Files and models are opened when they are first needed, and let go in
    `close`. By `say` they tell people
    who wait what they are busy with, a line at a time; it may be called from any thread.
    """

    name: ClassVar[str]
    about: ClassVar[str]  # one line for `lemur2 grow --help`
    Config: ClassVar[type]
    proposes: ClassVar[Literal["architecture", "transform"]] = "architecture"
    order: Literal["asked", "finished"] = "asked"  # in which it is told, unless a run says else
    piecemeal: ClassVar[bool] = False
    say: Callable[[str], None] = staticmethod(silent)

    def __init__(self, config: ConfigT, seed: int) -> None:
        self.config = config
        self.seed = seed
        self._engine: Engine | None = None
        self._own = ExitStack()  # what was opened here and is to be ended

    def use(self, engine: Engine) -> None:
        """Run foreign code on this engine; once, before everything else.

        One that is entered stays the caller's. One that is not is entered when it is first
        needed, and left in `close`.
        """
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """Where foreign code is run: what `use` brought, else one of its own with one worker.

        Raises:
            UserError: The machine cannot isolate candidates.
        """
        if self._engine is None:
            self._engine = LocalEngine(workers=1)
        if not self._engine.entered:
            self._own.enter_context(self._engine)
        return self._engine

    def meet(self, pool: Pool) -> None:
        """Get to know the networks that there are; once, before everything else.

        A resumed run brings the pool that the run began with. By default ignored.

        Raises:
            UserError: The pool lacks what the config asks for.
        """

    @abstractmethod
    def ask(self, limit: int) -> Sequence[Candidate]:
        """Up to `limit` (at least 1) candidates; fewer, or none, where it must hear more first.

        None at all while nothing is outstanding means that the generator is exhausted, and the
        run ends.
        """

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Hear what became of candidates, in the order they were asked. By default forgotten."""

    @abstractmethod
    def state(self) -> Mapping[str, Any]:
        """Everything that later choices depend on, random state included, as JSON-able data."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` gave, in a new instance with the same config and seed."""

    def notes(self) -> Sequence[str]:
        """What it found out so far, in lines for people, shown at the end. By default nothing."""
        return ()

    def close(self) -> None:
        """Let go of what was opened; once, at the end. Overriding it, call this as well."""
        self._own.close()
        self._engine = None

    def describe(self) -> dict[str, Any]:
        """The config as a dict, for the run ledger."""
        return dataclasses.asdict(self.config)  # type: ignore[call-overload]
