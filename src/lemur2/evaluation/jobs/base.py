"""What a job is: a value that says what a worker is to do, and how its report is read.

One file per job holds all of it. The parent makes the job and calls `do`; a worker gets the same
value and calls `work`. The parent imports no torch: what only workers need is imported in `work`
and `warm_up`.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import msgspec

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation.plan import Plan
from lemur2.sandbox import Awaited, Sandbox, Worker, again
from lemur2.sandbox.channel import Channel

if TYPE_CHECKING:
    import numpy as np
    import torch


R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Place = Callable[[], AbstractContextManager[Sandbox]]
"""Gives a sandbox for as long as a block lasts: `Engine.sandbox`."""

DRIVER = {"driver": True}
"""Metadata of a job's field that stays with the parent: workers have its default."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What a worker has at hand.

    Attributes:
        channel: To its parent.
        arrays: What was mapped for it, by name (`Job.maps`).
        device: Where it may compute.
    """

    channel: Channel
    arrays: Mapping[str, np.ndarray]
    device: torch.device


class Job(ABC, Generic[R_co]):
    """Something that a worker does. Subclass as a frozen dataclass, and register.

    Fields are plain data: numbers, texts, tuples, mappings and frozen dataclasses of them, so that
    the job can go to another process or machine. Every job of one value does the same.
    """

    name: ClassVar[str]
    carries: ClassVar[bool] = True  # whether it brings a candidate's source, which is run

    @classmethod
    @abstractmethod
    def example(cls, top: str = "") -> Self:
        """A small job whose candidate passes; `top` is put above the candidate's source.

        The conformance suite runs it, with tops that raise, leave, loop and forge.
        """

    def verdict(self, report: Any) -> Verdict:
        """What a report says of the candidate; by default that it passed: else it is refused."""
        return Verdict.OK

    # -- parent side ---------------------------------------------------------------------------

    @abstractmethod
    def do(self, place: Place, listener: Any = None) -> R_co:
        """Have the job done by workers; see `on`.

        Args:
            place: Gives the sandbox that they are in.
            listener: Hears how it goes, in jobs that tell of it; nothing twice.

        Returns:
            The report, checked.

        Raises:
            Refusal: The candidate is refused; the verdict says by what.
            UserError: The machine does not allow it.
        """

    # -- worker side ---------------------------------------------------------------------------

    @classmethod
    def warm_up(cls) -> None:
        """Import and use once what workers need for it, before any is forked.

        Workers can read no file of this package: what `work` imports has to be imported here.
        """

    @abstractmethod
    def work(self, bench: Bench) -> None:
        """Do it, and send what was found. A Refusal that is raised is sent as one."""


class Question(Job[R], ABC, Generic[R]):
    """A job with one answer, within the time that a screening may take."""

    plan: Plan | None = None  # whose training data the worker has mapped

    @property
    @abstractmethod
    def awaited(self) -> Awaited:
        """What the answer may be."""

    @abstractmethod
    def answer(self, bench: Bench) -> dict[str, Any]:
        """Worker side: do it; what was found, as JSON."""

    @abstractmethod
    def report(self, reply: Mapping[str, Any], seconds: float) -> R:
        """Parent side: read the answer, the word of an untrusted process.

        Args:
            reply: The answer, of the form that was awaited.
            seconds: From the job's sending to the answer's arrival, by the parent's clock.

        Raises:
            Refusal: (`forbidden`) It cannot be read.
        """

    def do(self, place: Place, listener: Any = None) -> R:
        """See `Job.do`."""
        return on(place, self._ask)

    def _ask(self, sandbox: Sandbox) -> R:
        started = time.monotonic()
        deadline = started + sandbox.limits.screen_seconds
        with blameless(self.plan), sandbox.worker(training_data(self.plan)) as worker:
            give(self, worker, sandbox, deadline)
            reply, _ = worker.receive(deadline=deadline, awaited=self.awaited)
            return self.report(reply, time.monotonic() - started)

    def work(self, bench: Bench) -> None:
        """See `Job.work`."""
        bench.channel.send(self.answer(bench))


def on(place: Place, work: Callable[[Sandbox], R]) -> R:
    """Do work in a sandbox of a place; again, and in the next one, where it was lost meanwhile.

    Raises:
        UserError: It was lost too often.
    """

    def attempt() -> R:
        with place() as sandbox:
            return work(sandbox)

    return again(attempt)


def give(job: Job[Any], worker: Worker, sandbox: Sandbox, deadline: float) -> None:
    """Send a job to a worker. Raises Refusal."""
    message = {"job": job.name, "device": sandbox.limits.device, "fields": told(job)}
    worker.send(message, deadline=deadline)


def taken(kind: type[Job[Any]], values: Mapping[str, Any]) -> Job[Any]:
    """The job that was sent with these values, in the worker."""
    return msgspec.convert(values, kind)


def told(job: Any) -> dict[str, Any]:
    """What a worker is told of a job, as JSON."""
    shared = [each.name for each in fields(job) if not each.metadata.get("driver")]
    found: dict[str, Any] = msgspec.to_builtins({name: getattr(job, name) for name in shared})
    return found


@contextlib.contextmanager
def blameless(plan: Plan | None) -> Iterator[None]:
    """Data that was damaged while a worker read it ends the run, not the candidate."""
    try:
        yield
    except Refusal as refusal:
        if refusal.verdict is Verdict.CRASH:
            training_data(plan)
        raise


def training_data(plan: Plan | None) -> dict[str, Path]:
    """What workers map of a plan's data, looked at first. Raises UserError where it is damaged."""
    if plan is None:
        return {}
    plan.data.inputs("train")
    plan.data.targets("train")
    return {
        "inputs": plan.data.inputs_path("train"),
        "targets": plan.data.targets_path("train"),
    }
