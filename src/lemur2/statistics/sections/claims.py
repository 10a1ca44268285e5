"""Numbers of the paper against this corpus."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.material import Material
from lemur2.statistics.paper import CLAIMS, compare
from lemur2.statistics.sections.base import Part, Picture, Section, Table


class Claims(Section):
    """A row per number that the paper states and this corpus can be asked about."""

    name = "paper"
    title = "Paper against corpus"
    paper = "sections 4, 7, 8, 10, 13 and 14"

    def build(self, material: Material) -> Part:
        """The table, and a picture of what is in per cent."""
        table = compare(material, CLAIMS)
        if table.empty:
            return Part(text=("Nothing in this corpus is what the paper gives numbers of.",))
        same = int((table["same"] == "yes").sum())
        return Part(
            text=(
                f"{same} of {len(table)} numbers are the same as in the paper, to the digits it "
                "gives. Where they differ, the last column says what is known of the reason; it "
                "speaks of the corpus that the paper's authors published (nn-dataset 2.1.0). The "
                "paper itself says of its statistics that they change as the corpus grows.",
            ),
            pictures=_pictures(table[table["unit"] == "%"]),
            tables=(
                Table(
                    name="paper_against_corpus",
                    title="Paper against corpus",
                    frame=table,
                    note="difference: corpus - paper; same: equal when rounded as the paper does; "
                    "measured: how the corpus's number is defined.",
                    open=True,
                    shown=len(table),
                ),
            ),
        )


def _pictures(table: pd.DataFrame) -> tuple[Picture, ...]:
    if table.empty:
        return ()
    rows = Rows(
        names=[text.replace(" on CIFAR-10", "") for text in table["statement"]],
        values=table["corpus"].to_numpy(),
        hollow=table["paper"].to_numpy(),
        point="corpus",
        hollow_point="paper",
        notes=[f"{round(value, 2) + 0.0:+.2f}" for value in table["difference"]],
        title="Accuracies that the paper states, and those of the corpus",
        label="accuracy [%]",
        name_length=52,
    )
    return (
        Picture(
            name="paper-against-corpus",
            title=rows.title,
            caption="On CIFAR-10, but for few-shot networks: there the mean over data sets. A "
            "point within its ring agrees. At the right: corpus - paper, in points.",
            draw=lambda: draw_rows(rows),
        ),
    )
