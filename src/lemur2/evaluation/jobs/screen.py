"""The job that screens a network: does it build, run, and pass gradients?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lemur2.architecture import Verdict
from lemur2.corpus import Facts
from lemur2.evaluation import reading
from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.jobs.base import Bench, Question
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.shapes import Attempt, attempts
from lemur2.sandbox import Awaited
from lemur2.sandbox.awaited import MIB
from lemur2.tasks import DEFAULT_TASK, Task
from lemur2.tasks import task as task_by_name

LARGE = 16 * MIB  # of JSON: what an outline says of a large network
VERDICTS = reading.LOADED | {Verdict.SYNTAX, Verdict.BACKWARD}
_MOST_MODULES = 20_000

Outline = dict[str, tuple[str, str, dict[str, tuple[int, ...]]]]


@dataclass(frozen=True, kw_only=True)
class Screened:
    """What screening found.

    Attributes:
        facts: Of the network at the first shapes that worked.
        outline: Its modules by name: class, settings, and parameters' shapes. None where it was
            not asked for.
    """

    facts: Facts
    outline: Outline | None = None


@dataclass(frozen=True, kw_only=True)
class Screen(Question[Screened]):
    """Screens a network at the first of some shapes that works, or at a plan's input.

    Attributes:
        source: The network's file.
        task: Name of its task.
        attempts: Shapes to try, in order; none with a plan.
        plan: Whose data and transform give the input.
        outlined: Say what modules the network has.
    """

    name: ClassVar[str] = "screen"

    source: str
    task: str
    attempts: tuple[Attempt, ...] = ()
    plan: Plan | None = None
    outlined: bool = False

    @classmethod
    def at_sizes(
        cls,
        source: str,
        task: Task,
        sizes: Sequence[int] = (),
        *,
        channels: int = 3,
        outlined: bool = False,
    ) -> Self:
        """At the first of some sizes that works, with the task's own outputs; by default of the
        task's own sizes, from the smallest up.
        """
        tried = attempts(task, sizes or task.input_sizes, channels)
        return cls(source=source, task=task.name, attempts=tried, outlined=outlined)

    @classmethod
    def under(cls, source: str, plan: Plan) -> Self:
        """At the input that a plan's data and transform give."""
        return cls(source=source, task=plan.task.name, plan=plan)

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`."""
        return cls.at_sizes(top + SMALL_NETWORK, task_by_name(DEFAULT_TASK), [32])

    @property
    def awaited(self) -> Awaited:
        """See `Question.awaited`."""
        json = LARGE if self.outlined else MIB
        return Awaited(json=json, verdicts=VERDICTS, lines=reading.lines(self.source))

    def answer(self, bench: Bench) -> dict[str, Any]:
        """See `Question.answer`."""
        from lemur2.evaluation import screening
        from lemur2.evaluation.tracing.outline import outline

        outlines: list[dict[str, Any]] = []  # the last is that of the attempt that worked
        on_net = (lambda net: outlines.append(outline(net))) if self.outlined else None
        shapes = screening.shapes(self.attempts, self.plan)
        kind = task_by_name(self.task)
        facts = screening.screen(self.source, kind, shapes, bench.device, on_net)
        return {"facts": facts, "outline": outlines[-1] if outlines else None}

    def report(self, reply: Mapping[str, Any], seconds: float) -> Screened:
        """See `Question.report`."""
        with reading.readable():
            facts = _facts(reply["facts"], seconds)
            return Screened(
                facts=facts, outline=_outline(reply["outline"]) if self.outlined else None
            )

    @classmethod
    def warm_up(cls) -> None:
        """Screen a small trusted network: lazy imports and first uses are paid for here."""
        from lemur2.evaluation import screening
        from lemur2.evaluation.tracing import outline  # noqa: F401

        screening.warm_up()


def _facts(raw: Mapping[str, Any], seconds: float) -> Facts:
    return Facts(
        input_size=reading.count(raw["input_size"]),
        sample_shape=reading.shape(raw["sample_shape"]),
        outputs=reading.shape(raw["outputs"]),
        parameters=reading.count(raw["parameters"]),
        flops=None if raw["flops"] is None else reading.count(raw["flops"]),
        memory=reading.count(raw["memory"]),
        seconds=seconds,
        structure_digest=reading.digest(raw["structure_digest"]),
        notes=reading.notes(raw["notes"]),
    )


def _outline(modules: Any) -> Outline:
    if len(modules) > _MOST_MODULES:
        raise ValueError(len(modules))
    return {
        reading.one_line(name): (
            reading.one_line(kind),
            reading.one_line(settings),
            {reading.one_line(key): reading.shape(shape) for key, shape in shapes.items()},
        )
        for name, (kind, settings, shapes) in modules.items()
    }
