"""The job that traces a network: what its numbers are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lemur2.evaluation import reading
from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.jobs.base import Bench, Question
from lemur2.evaluation.jobs.screen import LARGE, VERDICTS
from lemur2.evaluation.shapes import Attempt, attempts
from lemur2.evaluation.trace import Trace
from lemur2.sandbox import Awaited
from lemur2.tasks import DEFAULT_TASK, Task
from lemur2.tasks import task as task_by_name


@dataclass(frozen=True, kw_only=True)
class TraceNetwork(Question[Trace]):
    """Traces a network at the first of some shapes that works.

    Attributes:
        source: The network's file.
        task: Name of its task.
        attempts: Shapes to try, in order.
    """

    name: ClassVar[str] = "trace"

    source: str
    task: str
    attempts: tuple[Attempt, ...]

    @classmethod
    def at_sizes(cls, source: str, task: Task, sizes: Sequence[int], *, channels: int = 3) -> Self:
        """At the first of some sizes that works, with the task's own outputs."""
        return cls(source=source, task=task.name, attempts=attempts(task, sizes, channels))

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`."""
        return cls.at_sizes(top + SMALL_NETWORK, task_by_name(DEFAULT_TASK), [32])

    @property
    def awaited(self) -> Awaited:
        """See `Question.awaited`."""
        return Awaited(json=LARGE, verdicts=VERDICTS, lines=reading.lines(self.source))

    def answer(self, bench: Bench) -> dict[str, Any]:
        """See `Question.answer`."""
        from lemur2.evaluation import screening
        from lemur2.evaluation.tracing import job

        shapes = screening.shapes(self.attempts)
        return {"trace": job.trace(self.source, task_by_name(self.task), shapes, bench.device)}

    def report(self, reply: Mapping[str, Any], seconds: float) -> Trace:
        """See `Question.report`."""
        with reading.readable():
            return Trace.read(reply["trace"])

    @classmethod
    def warm_up(cls) -> None:
        """Trace a small trusted network."""
        from lemur2.evaluation.tracing import job

        job.warm_up()
