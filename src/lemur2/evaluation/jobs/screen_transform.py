"""The job that screens a transform on images of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lemur2.architecture import Verdict
from lemur2.evaluation import reading
from lemur2.evaluation.examples import SMALL_TRANSFORM
from lemur2.evaluation.jobs.base import Bench, Question
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.protocol import Protocol
from lemur2.sandbox import Awaited

VERDICTS = reading.LOADED | {Verdict.SYNTAX, Verdict.DIVERGED}


@dataclass(frozen=True, kw_only=True)
class ScreenedTransform:
    """What screening found of a transform: the shape that it gives, notes, and wall seconds."""

    sample_shape: tuple[int, ...]
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ScreenTransform(Question[ScreenedTransform]):
    """Screens a plan's transform on training images of its data."""

    name: ClassVar[str] = "screen-transform"

    plan: Plan

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`."""
        plan = Plan.of(Protocol(dataset="digits"))
        return cls(plan=plan.under("example", top + SMALL_TRANSFORM))

    @property
    def awaited(self) -> Awaited:
        """See `Question.awaited`."""
        return Awaited(verdicts=VERDICTS, lines=reading.lines(self.plan.transform_source))

    def answer(self, bench: Bench) -> dict[str, Any]:
        """See `Question.answer`."""
        from lemur2.evaluation import transform_screening
        from lemur2.evaluation.pipelines import pipeline

        found = transform_screening.screen(pipeline(self.plan), bench.arrays["inputs"])
        return {"transform": found}

    @classmethod
    def warm_up(cls) -> None:
        """Import what screens transforms, and what installed packages bring of them."""
        from lemur2.evaluation import pipelines, transform_screening  # noqa: F401
        from lemur2.transforms import import_installed

        import_installed()

    def report(self, reply: Mapping[str, Any], seconds: float) -> ScreenedTransform:
        """See `Question.report`."""
        with reading.readable():
            raw = reply["transform"]
            return ScreenedTransform(
                sample_shape=reading.shape(raw["sample_shape"]),
                notes=reading.notes(raw["notes"]),
                seconds=seconds,
            )
