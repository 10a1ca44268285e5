"""Verification: the emitted file itself is screened, and has changed as it was planned to."""

from __future__ import annotations

from dataclasses import dataclass

from lemur2.architecture import Architecture, Refusal
from lemur2.corpus import Facts
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import Outline, Screen
from lemur2.generators.mutation.plans import Plan
from lemur2.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What verification found of a mutant.

    Attributes:
        problem: "" where it is valid; else why not, in one line that begins with the stage.
        facts: Measured by screening; None where that refused it.
        outline: Its modules; None where screening refused it.
    """

    problem: str
    facts: Facts | None = None
    outline: Outline | None = None


def outlined(
    engine: Engine, task: Task, size: int, source: str, *, channels: int = 3
) -> tuple[Facts, Outline]:
    """Screen a network at one input size: its facts, and its modules. Raises Refusal."""
    job = Screen.at_sizes(source, task, [size], channels=channels, outlined=True)
    screened = engine.run(job)
    assert screened.outline is not None, "it was asked for"
    return screened.facts, screened.outline


def verify(
    engine: Engine,
    task: Task,
    size: int,
    source: str,
    plan: Plan,
    parent: tuple[Facts, Outline],
) -> Verified:
    """Screen a mutant's file at its parent's input size, and compare it with the plan.

    Args:
        engine: Where it is screened.
        task: Its parent's.
        size: The input size that its parent needs.
        source: The file, just as it will be saved.
        plan: What was to change.
        parent: What screening found of its parent.
    """
    try:
        Architecture.parse(source)
        facts, outline = outlined(engine, task, size, source)
    except Refusal as refusal:
        return Verified(problem=f"{refusal.verdict}: {refusal}")
    problem = ""
    if outline == parent[1] and facts.structure_digest == parent[0].structure_digest:
        problem = "unchanged: the structure is the parent's"
    elif plan.shapes is not None and (wrong := _unplanned(plan, outline)):
        problem = f"unplanned: {wrong}"
    return Verified(problem=problem, facts=facts, outline=outline)


def _unplanned(plan: Plan, outline: Outline) -> str:
    """The first module whose parameters are not as planned; "" where all are."""
    assert plan.shapes is not None
    for name, shapes in plan.shapes.items():
        found = outline[name][2] if name in outline else None
        if found != dict(shapes):
            return f"{name or 'Net'} has {found}, not {dict(shapes)}"
    return ""
