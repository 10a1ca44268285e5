"""Medians per model group."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.drawing.style import score_label, score_scale
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import OTHER, best_per_network, group_medians, with_groups
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug

LEAST = 5  # networks of a family that is a group of its own
SHOWN = 24  # groups in a picture


class Groups(Section):
    """Median accuracy per model group, after training and after the first epoch."""

    name = "groups"
    title = "Median accuracy per model group"
    paper = "figures 16 to 18"

    def build(self, material: Material) -> Part:
        """Medians."""
        best = best_per_network(material.ranked)
        classified = best[best["metric"] == "acc"]
        table = group_medians(classified, with_groups(classified, LEAST))
        pictures = [
            _picture(str(label), found)
            for label, found in table.groupby("benchmark")
            if len(found) > 1
        ]
        by_family = group_medians(best, best["family"])
        return Part(
            text=(
                f"A group is a family of {LEAST} networks or more; the rest, mostly hand-written "
                f"networks, is `{OTHER}`. The median is over networks, of each network's best "
                "accuracy. Filled and hollow points differ by training budget: the hollow one "
                "compares groups after the same single epoch.",
            ),
            pictures=tuple(pictures),
            tables=(
                Table(
                    name="group_medians",
                    title="Median accuracy per model group",
                    frame=table,
                    note="median, low and high (the quartiles) and best of the networks' best "
                    "accuracy; first: the median after epoch 1.",
                ),
                Table(
                    name="family_medians",
                    title="The same for every single family and metric",
                    frame=by_family.rename(columns={"group": "family"}),
                ),
            ),
        )


def _picture(label: str, table: pd.DataFrame) -> Picture:
    scale = score_scale("acc")
    found = table.head(SHOWN)
    networks = int(table["networks"].sum())
    title = f"{label}: median accuracy per model group ({networks:,} networks)"
    rows = Rows(
        names=list(found["group"]),
        values=found["median"].to_numpy() * scale,
        low=found["low"].to_numpy() * scale,
        high=found["high"].to_numpy() * scale,
        hollow=found["first"].to_numpy() * scale,
        point="median of best accuracy",
        span="middle half of the networks",
        hollow_point="median after epoch 1 of the same trials",
        notes=[f"n = {count:,}" for count in found["networks"]],
        title=title,
        label=score_label("acc"),
    )
    return Picture(
        name=f"groups-{slug(label)}",
        title=title,
        caption="n: networks of the group with trials on this data set.",
        draw=lambda: draw_rows(rows),
    )
