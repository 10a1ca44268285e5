"""How far candidates get: asked -> parses -> builds -> runs -> learns -> unique."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lemur2.architecture import Verdict

STAGES = ("asked", "parses", "builds", "runs", "learns", "unique")

# The last stage that a candidate with this verdict has shown to pass. A verdict that names a stage
# says that it was refused there, be it in training after it had passed in screening (an optimizer
# that refuses its learning rate). A limit or a crash says nothing about what would have come next,
# so it counts as parsed only, unless screening ended.
_PASSED = {
    Verdict.SYNTAX: "asked",
    Verdict.CONTRACT: "parses",
    Verdict.IMPORT: "parses",
    Verdict.BUILD: "parses",
    Verdict.TIMEOUT: "parses",
    Verdict.MEMORY: "parses",
    Verdict.CRASH: "parses",
    Verdict.FORBIDDEN: "parses",
    Verdict.DUPLICATE: "parses",
    Verdict.SHAPE: "builds",
    Verdict.BACKWARD: "builds",
    Verdict.TRAIN: "runs",
    Verdict.DIVERGED: "runs",
    Verdict.OK: "runs",
}
_NO_STAGE = (
    *(Verdict.TIMEOUT, Verdict.MEMORY, Verdict.CRASH, Verdict.FORBIDDEN),
    Verdict.DUPLICATE,
)


@dataclass(frozen=True, kw_only=True)
class Attempted:
    """Attempts of one generator that ended alike.

    Attributes:
        generator: Its name.
        verdict: How they ended.
        screened: They got through screening; for duplicates: the network they repeat did.
        learned: They were trained to the end; for duplicates: the network they repeat was.
        repeats: For duplicates of one of the same run: how that one ended.
        count: How many.
    """

    generator: str
    verdict: Verdict
    screened: bool
    learned: bool
    repeats: Verdict | None = None
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of one generator's funnel.

    Attributes:
        stage: One of `STAGES`.
        count: Candidates that passed it.
        n: Candidates asked for.
        share: count / n.
        low, high: The 95% Wilson interval of the share.
    """

    stage: str
    count: int
    n: int
    share: float
    low: float
    high: float


def wilson(count: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The Wilson score interval of a share of `count` in `n`; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    share, square = count / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = centre - half, centre + half  # exact at the ends, where rounding would miss them
    return (low if count else 0.0), (high if count < n else 1.0)


def passed(attempted: Attempted) -> str:
    """The last stage that these attempts passed.

    A duplicate is refused before it is screened: it counts as far as the network that it repeats
    is known to get, and is never `unique`. What was screened but not trained ends at `runs`.
    """
    repeats = attempted.verdict is Verdict.DUPLICATE
    verdict = (repeats and attempted.repeats) or attempted.verdict
    if attempted.learned and verdict in (Verdict.OK, Verdict.DUPLICATE):
        return "learns" if repeats else "unique"
    screened = attempted.screened and verdict in _NO_STAGE
    return "runs" if screened else _PASSED[verdict]


def funnel(attempts: Iterable[Attempted]) -> dict[str, tuple[Stage, ...]]:
    """Per generator, by name, every stage in order. Pending attempts do not belong in here."""
    counts: dict[str, list[int]] = {}
    for attempted in attempts:
        row = counts.setdefault(attempted.generator, [0] * len(STAGES))
        for stage in range(STAGES.index(passed(attempted)) + 1):
            row[stage] += attempted.count
    return {generator: _stages(row) for generator, row in sorted(counts.items())}


def _stages(row: list[int]) -> tuple[Stage, ...]:
    n = row[0]
    stages = []
    for name, count in zip(STAGES, row, strict=True):
        low, high = wilson(count, n)
        share = count / n if n else 0.0
        stages.append(Stage(stage=name, count=count, n=n, share=share, low=low, high=high))
    return tuple(stages)
