"""The contract of an engine: jobs in, futures of their reports out."""

from __future__ import annotations

import functools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from lemur2.corpus import Outcome
from lemur2.errors import UserError
from lemur2.evaluation.evaluate import Evaluation, evaluate
from lemur2.evaluation.jobs import Job
from lemur2.sandbox import Sandbox
from lemur2.sandbox.limits import Limits

R = TypeVar("R")


class Engine(ABC):
    """Has jobs done, several at a time. A context manager; thread-safe.

    A job is a pure function of its value, so where and in which order jobs run changes nothing.
    This process drives every job itself (it holds the targets of held-out data); an engine says
    where the workers are: subclass it, set `name`, implement `open`, `close` and `sandbox`, and
    announce the class under the entry-point group `lemur2.engines`.

    Args:
        limits: What each worker may use.
        workers: Jobs at once; by default what fits the machine.
        unsafe: Run candidates without isolation.
    """

    name: ClassVar[str]
    about: ClassVar[str]  # one line: where its workers are

    def __init__(
        self, limits: Limits | None = None, *, workers: int | None = None, unsafe: bool = False
    ) -> None:
        self.limits = limits or Limits()
        self.unsafe = unsafe
        self.workers = workers or self.fitting()
        self._pool: ThreadPoolExecutor | None = None
        self._known: dict[Job[Any], Any] = {}
        self._lock = threading.Lock()

    @abstractmethod
    def fitting(self) -> int:
        """How many workers fit, where nobody says it; `limits` are set."""

    @abstractmethod
    def open(self) -> None:
        """Start what workers need. Raises UserError where it cannot be had."""

    @abstractmethod
    def close(self) -> None:
        """End it, and with it every worker that still runs."""

    @abstractmethod
    def sandbox(self) -> AbstractContextManager[Sandbox]:
        """Where one job's workers are, for as long as the block lasts. Thread-safe.

        Raises:
            EngineLost: On entering or from within the block, where that went away: the job is
                done again, in what this gives next.
        """

    def __enter__(self) -> Self:
        self.open()
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="lemur2-worker")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._pool is not None
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.close()  # ends the workers that threads wait for
        self._pool.shutdown(wait=True)
        self._pool = None

    @property
    def entered(self) -> bool:
        """Whether its `with` block has begun, and not ended."""
        return self._pool is not None

    def opened(self) -> AbstractContextManager[Engine]:
        """For a `with` block: enter it, unless someone has, whose it then stays."""
        return nullcontext(self) if self.entered else self

    def submit(self, job: Job[R], listener: Any = None) -> Future[R]:
        """Have a job done when a worker is free.

        Args:
            job: What to do.
            listener: Hears how it goes, in a thread of the engine.

        Returns:
            A future of the report. It raises the job's Refusal, and a UserError where the machine
            does not allow it.
        """
        return self._submit(functools.partial(self.run, job, listener))

    def run(self, job: Job[R], listener: Any = None) -> R:
        """Have a job done now, in this thread, beside what was submitted.

        Raises:
            Refusal: The candidate is refused.
            UserError: The machine does not allow it.
        """
        return job.do(self.sandbox, listener)

    def evaluate(self, asked: Evaluation) -> Future[Outcome]:
        """Screen, train and score a candidate when a worker is free; see `evaluate`.

        The future holds no candidate's failure as an exception: that is an outcome.
        """
        return self._submit(functools.partial(evaluate, asked, self.run, self._once))

    def _submit(self, work: Callable[[], R]) -> Future[R]:
        if self._pool is None:
            raise UserError("the engine has not been entered; use it in a `with` block")
        return self._pool.submit(work)

    def _once(self, job: Job[R]) -> R:
        """The report of a job of this value; it is done where none was."""
        with self._lock:
            if job in self._known:
                known: R = self._known[job]
                return known
        report = self.run(job)
        with self._lock:
            self._known[job] = report
        return report
