"""The client: the one way in which the rest of LEMUR 2 talks to a language model.

    with open_client("embedded", record=Path("run.jsonl")) as llm:
        replies = llm.complete([Request(messages=(Message("user", "..."),), purpose="fewshot")])

What a record already answers is not asked again, and what is asked is on disk before it is given
to the caller: a run that was killed replays what it had and goes on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from lemur2.errors import UsageError, UserError
from lemur2.llm.backends.base import Backend, TransientError, silent
from lemur2.llm.record import Record
from lemur2.llm.values import Message, ModelFacts, Reply, Request

P = TypeVar("P")
R = TypeVar("R")


class BudgetSpent(UserError):
    """The budget does not allow another request."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a client may spend in all; None for no bound.

    It is looked at whenever something is asked, so that what is in flight then may exceed it. What
    a record answers counts as it did when it was asked: a resumed or replayed run has the budget of
    an uninterrupted one.

    Attributes:
        tokens: Prompt and completion tokens together.
        seconds: That replies took, added up.
        money: In the currency of the prices.
        prompt_price, completion_price: Per million tokens.
    """

    tokens: int | None = None
    seconds: float | None = None
    money: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0

    def __post_init__(self) -> None:
        if self.money is not None and not (self.prompt_price or self.completion_price):
            raise UsageError("a budget in money needs the prices of a million tokens")


@dataclass(frozen=True, kw_only=True)
class Persistence:
    """How failures are borne: so many attempts, waiting longer each time (seconds)."""

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0


NO_BUDGET = Budget()
PERSISTENCE = Persistence()


@dataclass
class Spent:
    """What replies took so far."""

    tokens: int = 0
    seconds: float = 0.0
    money: float = 0.0

    def add(self, reply: Reply, budget: Budget) -> None:
        """Charge a reply."""
        self.tokens += reply.prompt_tokens + reply.completion_tokens
        self.seconds += reply.seconds
        prompt = reply.prompt_tokens * budget.prompt_price
        self.money += (prompt + reply.completion_tokens * budget.completion_price) / 1e6

    def check(self, budget: Budget) -> None:
        """Whether more may be asked.

        Raises:
            BudgetSpent: No.
        """
        for unit in ("tokens", "seconds", "money"):
            spent, bound = getattr(self, unit), getattr(budget, unit)
            if bound is not None and spent >= bound:
                raise BudgetSpent(
                    f"the model's budget of {bound:,} {unit} is spent ({spent:,.6g}); raise it to "
                    "go on: what was answered until now is kept"
                )


class Client:
    """Answers requests by a record or else by a backend. Use it from one thread.

    Args:
        backend: Opened when something must be asked that the record does not answer.
        name: What the record knows the model by; `--llm` as it was given.
        record: JSONL file of what was asked and answered; read first, then appended to. None
            keeps nothing.
        budget: What may be spent.
        persistence: How often to try.
        concurrency: Requests in flight at once; None takes what the backend likes.
        say: Told what the backend is busy with, in lines for people who wait; from any thread.

    Attributes:
        spent: What the replies took that were given so far.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        name: str = "",
        record: Path | None = None,
        budget: Budget = NO_BUDGET,
        persistence: Persistence = PERSISTENCE,
        concurrency: int | None = None,
        say: Callable[[str], None] = silent,
    ) -> None:
        self.name = name or backend.kind
        self.budget = budget
        self.spent = Spent()
        self.concurrency = concurrency
        self._backend = backend
        backend.say = say
        self._persistence = persistence
        self._record = Record(record) if record is not None else None
        self._opened = False
        self._pause = _Pause()
        self._giving_up = threading.Event()

    @property
    def facts(self) -> ModelFacts:
        """What the model says of itself.

        Raises:
            ModelError: It cannot be had, and the record does not know it.
        """
        known = self._record.facts(self.name) if self._record is not None else None
        if known is None:
            known = self._open().facts
            if self._record is not None:
                self._record.add_facts(self.name, known)
        return known

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt, by the model's own tokenizer where it can be asked.

        Raises:
            ModelError: The model cannot be had, and the record does not know this prompt.
        """
        if self._record is None:
            return self._open().count(messages)
        tokens = self._record.count(self.name, messages)
        if tokens is None:
            tokens = self._open().count(messages)
            self._record.add_count(self.name, messages, tokens)
        return tokens

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers in the order of the requests; each is on disk before this returns.

        Raises:
            BudgetSpent: The budget was spent before this.
            UserError: The model cannot be had, or goes on failing. What was answered until then
                is in the record, so that asking again goes on from there.
        """
        self.spent.check(self.budget)
        found = {request: self._recorded(request) for request in requests}
        missing = [request for request, reply in found.items() if reply is None]
        if missing:
            found.update(self._ask(missing))
        replies = [reply for request in requests if (reply := found[request]) is not None]
        for reply in replies:
            self.spent.add(reply, self.budget)
        return replies

    def link(self, name: str, keys: Sequence[str]) -> None:
        """Note in the record which requests gave a candidate."""
        if self._record is not None:
            self._record.link(name, keys)

    def close(self) -> None:
        """Give back the backend's resources; may be called twice."""
        self._opened = False
        self._backend.close()
        if self._record is not None:
            self._record.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Backend:
        if not self._opened:
            self._backend.open()
            self._opened = True
        return self._backend

    def _recorded(self, request: Request) -> Reply | None:
        return None if self._record is None else self._record.find(self.name, request)

    def _ask(self, requests: Sequence[Request]) -> dict[Request, Reply]:
        """Ask the backend, so many at once; on a failure wait for what is in flight, then raise.

        Who interrupts does not wait: what is in flight then is given up, and asked again next time.
        """
        backend = self._open()
        parts = list(_chunks(requests, backend.batch))
        workers = min(self.concurrency or backend.parallel, len(parts))
        self._giving_up.clear()
        futures = in_threads(self._answer, parts, workers)
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            self._giving_up.set()
            for future in futures:
                future.cancel()
        wait(futures)
        failed = [f for f in futures if not f.cancelled() and f.exception() is not None]
        for future in failed:
            future.result()
        replies = [reply for future in futures for reply in future.result()]
        return dict(zip(requests, replies, strict=True))

    def _answer(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies of one call of the backend, recorded; a failure ends all other calls, too."""
        if self._giving_up.is_set():
            raise UserError("another request failed")
        try:
            replies = self._insist(requests)
            if self._record is not None:
                for request, reply in zip(requests, replies, strict=True):
                    self._record.add(self.name, request, reply)
        except UserError:
            self._giving_up.set()
            raise
        return replies

    def _insist(self, requests: Sequence[Request]) -> list[Reply]:
        """One call of the backend, tried again while that helps."""
        waits = _waits(self._persistence)
        attempt = 1
        while True:
            self._pause.over(self._giving_up)
            try:
                replies = self._backend.complete(requests)
                return [replace(reply, attempts=attempt) for reply in replies]
            except TransientError as error:
                if attempt == self._persistence.attempts or self._giving_up.is_set():
                    raise UserError(
                        f"{self.name} failed {attempt} times, the last time so: {error}; try again "
                        "later: what was answered until now is kept"
                    ) from error
                self._pause.extend(next(waits) if error.wait is None else error.wait)
                attempt += 1


class _Pause:
    """A pause that all threads keep: who is told to slow down tells everybody."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def extend(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def over(self, giving_up: threading.Event) -> None:
        """Return when it is over, or when all is given up."""
        while (left := self._until - time.monotonic()) > 0 and not giving_up.wait(left):
            pass


def in_threads(call: Callable[[P], R], items: Sequence[P], workers: int) -> list[Future[R]]:
    """Call with each item, so many at once.

    In threads that Python does not wait for when it ends, as it does for an executor's: a server
    that does not answer must not hold a program that wants to end.
    """
    futures: list[Future[R]] = [Future() for _ in items]
    waiting = iter(list(zip(futures, items, strict=True)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                future, item = next(waiting, (None, None))
            if future is None:
                return
            if future.set_running_or_notify_cancel():
                _settle(future, call, item)  # type: ignore[arg-type]

    for _ in range(workers):
        threading.Thread(target=work, name="llm", daemon=True).start()
    return futures


def _settle(future: Future[R], call: Callable[[P], R], item: P) -> None:
    try:
        future.set_result(call(item))
    except BaseException as error:  # noqa: BLE001  # it is raised again where the result is wanted
        future.set_exception(error)


def _waits(persistence: Persistence) -> Iterator[float]:
    """Twice as long each time, up to the longest, each anywhere in its upper half."""
    longest = persistence.first_wait
    while True:
        yield longest * random.uniform(0.5, 1.0)
        longest = min(2 * longest, persistence.longest_wait)


def _chunks(requests: Iterable[Request], size: int) -> Iterator[list[Request]]:
    left = iter(requests)
    while part := list(islice(left, size)):
        yield part
