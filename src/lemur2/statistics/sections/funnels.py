"""How far every generator's candidates get."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd

from lemur2.corpus.funnel import Stage
from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.material import Material
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug


class Funnels(Section):
    """The funnel per generator: asked, parses, builds, runs, learns, unique."""

    name = "funnel"
    title = "Funnel and success rates per generator"

    def build(self, material: Material) -> Part:
        """A picture per generator."""
        if not material.funnel:
            return Part(
                text=(
                    "No attempts are recorded here: an imported corpus holds only what succeeded, "
                    "so success rates cannot be known from it. `lemur2 grow` records every "
                    "attempt, failures included.",
                )
            )
        rows = [
            {"generator": generator, **dataclasses.asdict(stage)}
            for generator, stages in material.funnel.items()
            for stage in stages
        ]
        return Part(
            text=(
                "Every candidate that was asked for counts, failures included. The interval is "
                "Wilson's 95%. What was screened but not meant to be trained ends at `runs`.",
            ),
            pictures=tuple(_picture(name, stages) for name, stages in material.funnel.items()),
            tables=(
                Table(
                    name="funnel",
                    title="Funnel per generator",
                    frame=pd.DataFrame(rows),
                    note="count of n passed the stage; share = count / n; low, high: 95% interval.",
                ),
            ),
        )


def _picture(generator: str, stages: Sequence[Stage]) -> Picture:
    title = f"{generator}: how far {stages[0].n:,} candidates got"
    rows = Rows(
        names=[stage.stage for stage in stages],
        values=[stage.share * 100 for stage in stages],
        low=[stage.low * 100 for stage in stages],
        high=[stage.high * 100 for stage in stages],
        point="share of candidates",
        span="95% interval (Wilson)",
        notes=[f"{stage.count:,} of {stage.n:,}" for stage in stages],
        title=title,
        label="share of the candidates asked for [%]",
        limits=(-2, 102),
    )
    return Picture(
        name=f"funnel-{slug(generator)}",
        title=title,
        caption="From top to bottom: the stages in order.",
        draw=lambda: draw_rows(rows),
    )
