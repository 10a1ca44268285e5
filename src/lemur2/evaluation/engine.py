"""Where evaluations run: an engine takes candidates and gives futures of their outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from lemur2.architecture import Candidate
from lemur2.corpus import Outcome
from lemur2.evaluation.evaluator import Evaluator
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.workers import CandidateSandbox
from lemur2.quiet import cpus
from lemur2.sandbox.limits import Limits


class Engine(ABC):
    """Evaluates candidates, several at a time. A context manager.

    An evaluation is a pure function of the candidate's source, the plan and its seed, so where
    and in which order they run changes nothing. Leaving the block ends what is still running.
    """

    workers: int

    @abstractmethod
    def submit(
        self,
        candidate: Candidate,
        name: str,
        digest: str,
        plan: Plan,
        *,
        network: str | None = None,
        max_flops: float | None = None,
    ) -> Future[Outcome]:
        """Evaluate when a worker is free; see `Evaluator.evaluate`.

        The future never holds a candidate's failure as an exception (that is an outcome), only
        the machine's: a UserError where isolation cannot be had.
        """

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class LocalEngine(Engine):
    """Workers of one sandbox on this machine, each driven by a thread of this process.

    Args:
        limits: What each worker may use.
        workers: How many at once; by default as many as there are CPUs for their threads.
        unsafe: Run candidates without isolation.
    """

    def __init__(
        self, limits: Limits | None = None, *, workers: int | None = None, unsafe: bool = False
    ) -> None:
        self.sandbox = CandidateSandbox(limits, unsafe=unsafe)
        self.evaluator = Evaluator(self.sandbox)
        self.workers = workers or max(1, cpus() // self.sandbox.limits.threads)
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
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
        self.sandbox.__exit__(kind, error, trace)  # ends the workers that threads wait for
        self._pool.shutdown(wait=True)

    def submit(
        self,
        candidate: Candidate,
        name: str,
        digest: str,
        plan: Plan,
        *,
        network: str | None = None,
        max_flops: float | None = None,
    ) -> Future[Outcome]:
        """See `Engine.submit`."""
        assert self._pool is not None, "enter the engine first"
        return self._pool.submit(
            self.evaluator.evaluate,
            candidate,
            name,
            digest,
            plan,
            network=network,
            max_flops=max_flops,
        )
