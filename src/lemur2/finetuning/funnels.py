"""How far what a model wrote gets, counted with intervals, and compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lemur2.corpus.funnel import wilson

STAGES = ("asked", "ended", "parses", "contract", "ok", "new and ok")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What became of one reply.

    Attributes:
        seed: Of the request.
        name: Of the network, "" where there is none.
        ended: The model ended the reply itself, before its tokens were used up.
        verdict, reason: `ok`, or what refused it: `syntax`, `contract`, or screening's verdict.
        repeats: `corpus` or `run` where it was there before, else "".
        structure: Its structure digest, where it was screened, else "".
        parameters: How many, where it was screened.
        tokens: That the model wrote.
        seconds: Of the model, the batch's shared out.
        source: The file.
    """

    seed: int
    name: str
    ended: bool
    verdict: str
    reason: str
    repeats: str
    structure: str
    parameters: int | None
    tokens: int
    seconds: float
    source: str

    @property
    def stages(self) -> tuple[bool, ...]:
        """Whether it passed each of `STAGES`."""
        parses = self.verdict != "syntax"
        contract = parses and self.verdict != "contract"
        ok = self.verdict == "ok"
        return (True, self.ended, parses, contract, ok, ok and not self.repeats)


@dataclass(frozen=True, kw_only=True)
class Share:
    """A stage's count of n, and its share with the 95% Wilson interval."""

    stage: str
    count: int
    n: int
    share: float
    low: float
    high: float


def funnel(judged: Sequence[Judged]) -> tuple[Share, ...]:
    """Every stage of `STAGES`. `ended` is told apart: mending may save what was cut off."""
    n = len(judged)
    found = []
    for place, stage in enumerate(STAGES):
        count = sum(each.stages[place] for each in judged)
        low, high = wilson(count, n)
        share = count / n if n else 0.0
        found.append(Share(stage=stage, count=count, n=n, share=share, low=low, high=high))
    return tuple(found)


def difference(before: Share, after: Share) -> tuple[float, float, float]:
    """How much more the share is after than before, with Newcombe's 95% interval.

    Newcombe, Statistics in Medicine 17 (1998), method 10: from the two Wilson intervals. The arms
    are taken as independent, though seeds are shared.
    """
    gap = after.share - before.share
    down = math.hypot(after.share - after.low, before.high - before.share)
    up = math.hypot(after.high - after.share, before.share - before.low)
    return gap, gap - down, gap + up


def summary(judged: Sequence[Judged]) -> dict[str, Any]:
    """A funnel as data: stages, verdicts, repeats, structures, and what it took."""
    structures = {each.structure for each in judged if each.stages[-1]}
    return {
        "stages": [asdict(each) for each in funnel(judged)],
        "verdicts": dict(Counter(each.verdict for each in judged).most_common()),
        "repeats": dict(Counter(each.repeats for each in judged if each.repeats)),
        "structures": len(structures - {""}),
        "tokens": sum(each.tokens for each in judged),
        "seconds": sum(each.seconds for each in judged),
    }
