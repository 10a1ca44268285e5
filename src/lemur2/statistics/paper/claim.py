"""One number of the paper, and how to find its like in a corpus."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from lemur2.statistics.material import Material

Measure = Callable[[Material], float | None]

COLUMNS = (
    "topic",
    "statement",
    "where",
    "unit",
    "paper",
    "corpus",
    "difference",
    "same",
    "measured",
    "why",
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A number that the paper states.

    Attributes:
        topic: What it is about.
        statement: In words.
        where: In the supplement.
        paper: The number as it is written there: its digits say how exact it is.
        unit: `%`, `points` (of per cent), `score` (0 to 1) or `networks`.
        measure: Its like in a corpus; None where the corpus has nothing of the kind.
        measured: How that is defined.
        why: What is known of a difference, in the corpus that the paper's authors published
            (package nn-dataset 2.1.0).
    """

    topic: str
    statement: str
    where: str
    paper: str
    unit: str
    measure: Measure
    measured: str
    why: str = ""

    def same(self, value: float) -> bool:
        """Whether a value, rounded as the paper's number is, is that number."""
        digits = len(self.paper.partition(".")[2])
        return math.isclose(round(value, digits), float(self.paper), abs_tol=0.1 ** (digits + 3))


def compare(material: Material, claims: Iterable[Claim]) -> pd.DataFrame:
    """Paper against corpus.

    Returns:
        `COLUMNS`, a row per claim that the corpus has something to say on; `why` only where the
        two differ.
    """
    rows = []
    for claim in claims:
        value = claim.measure(material)
        if value is None or math.isnan(value):
            continue
        same = claim.same(value)
        rows.append(
            (
                claim.topic,
                claim.statement,
                claim.where,
                claim.unit,
                float(claim.paper),
                value,
                value - float(claim.paper),
                "yes" if same else "no",
                claim.measured,
                "" if same else claim.why,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
