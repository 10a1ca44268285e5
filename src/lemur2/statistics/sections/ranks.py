"""Does the first epoch tell the final ranking?"""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.association import first_against_final
from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.material import Material
from lemur2.statistics.sections.base import Part, Picture, Section, Table


class Ranks(Section):
    """Rank correlation of scores after the first epoch with final ones, per data set."""

    name = "ranks"
    title = "First epoch against final rank"
    paper = "section 10.2: one epoch is said to suffice for a consistent ranking"

    def build(self, material: Material) -> Part:
        """One picture and one table."""
        table = first_against_final(material.ranked)
        table = table[table["rho"].notna()]
        if table.empty:
            return Part(text=("No data set has enough trials of two epochs or more.",))
        return Part(
            text=(
                "Trials of at least two epochs: the score after the first against that after the "
                "last. A correlation of 1 would mean that training on changes no rank. Where the "
                "median trial ends after 5 epochs, this says how well one epoch foretells five, "
                "not fifty: that median stands at the right of the picture.",
                _tenths(table),
            ),
            pictures=(_picture(table),),
            tables=(
                Table(
                    name="first_against_final",
                    title="First epoch against final rank",
                    frame=table,
                    note="rho: Spearman's with 95% interval; tau: Kendall's tau-b; top_tenth: the "
                    "share of the final best tenth that is in the first epoch's best tenth (by "
                    "chance 0.1); n: trials; epochs: median of the trials' last epoch.",
                ),
            ),
        )


def _tenths(table: pd.DataFrame) -> str:
    low, high = table["top_tenth"].min(), table["top_tenth"].max()
    return (
        "Of the trials that end in the best tenth, the first epoch's best tenth holds between "
        f"{low:.0%} and {high:.0%}, depending on the data set (by chance: 10%)."
    )


def _picture(table: pd.DataFrame) -> Picture:
    found = table.sort_values("rho", ascending=False)
    rows = Rows(
        names=list(found["benchmark"]),
        values=found["rho"].to_numpy(),
        low=found["low"].to_numpy(),
        high=found["high"].to_numpy(),
        hollow=found["tau"].to_numpy(),
        point="Spearman's rho",
        span="its 95% interval",
        hollow_point="Kendall's tau",
        notes=[f"n = {row.n:,}, {row.epochs:.0f} epochs" for row in found.itertuples()],
        title="Scores after epoch 1 against final ones: rank correlation per data set",
        label="rank correlation over trials",
        limits=(0, 1) if found["low"].min() >= 0 else (-1, 1),
    )
    return Picture(
        name="first-against-final",
        title=rows.title,
        caption="n: trials of two epochs or more; epochs: the median of their last one.",
        draw=lambda: draw_rows(rows),
    )
