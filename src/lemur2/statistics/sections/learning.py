"""Learning curves of fixed cohorts."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.curves import cohort, learning_curves, longest_cohort
from lemur2.statistics.drawing.planes import Curves, draw_curves
from lemur2.statistics.drawing.style import score_label, score_scale
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import OTHER
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug

SHORT = 5  # epochs: the budget that most generated networks had
LINES = 7  # groups in a panel: as many as there are colours


class Learning(Section):
    """Mean score by epoch with 95% intervals, per model group."""

    name = "learning"
    title = "Learning curves with 95% intervals"

    def build(self, material: Material) -> Part:
        """A picture per benchmark: a short and a long cohort."""
        histories = material.histories(material.ranked)
        pictures, tables = [], []
        for label, found in histories.groupby("benchmark"):
            metric = str(material.trials.loc[found["trial"].iloc[0], "metric"])
            panels = []
            for length in _lengths(found):
                curves = _curves(cohort(found, length))
                tables.append(curves.assign(benchmark=label, cohort=length))
                panels.append(_panel(curves, length, metric))
            if panels:
                pictures.append(_picture(str(label), panels))
        if not pictures:
            return Part(text=("No trial has more than one epoch.",))
        return Part(
            text=(
                f"A cohort is the trials that have every epoch from 1 to its length ({SHORT}, and "
                "the longest that 3 trials reached), so that each epoch averages the same trials. "
                "A network's trials are averaged first; mean and 95% Student interval are over "
                "networks (none is drawn for a single network).",
            ),
            pictures=tuple(pictures),
            tables=(
                Table(
                    name="learning_curves",
                    title="Learning curves",
                    frame=pd.concat(tables, ignore_index=True),
                    note="mean score over networks after each epoch, low and high: its 95% "
                    "interval; cohort: epochs of the trials in it.",
                ),
            ),
        )


def _lengths(histories: pd.DataFrame) -> list[int]:
    longest = longest_cohort(histories)
    return sorted({min(SHORT, longest), longest} - {0, 1})


def _curves(histories: pd.DataFrame) -> pd.DataFrame:
    """Curves of the largest families; the rest is one group."""
    sizes = histories.groupby("family")["nn"].nunique().sort_values(ascending=False, kind="stable")
    large = set(sizes.index[: LINES - 1 if len(sizes) > LINES else LINES])
    group = histories["family"].where(histories["family"].isin(large), OTHER)
    return learning_curves(histories.assign(group=group), by="group")


def _panel(curves: pd.DataFrame, length: int, metric: str) -> Curves:
    scale = score_scale(metric)
    numbers = ["mean", "low", "high"]
    scaled = curves.assign(**{name: curves[name] * scale for name in numbers})
    first = curves[curves["epoch"] == 1].sort_values("networks", ascending=False, kind="stable")
    lines = {str(name): scaled[scaled["group"] == name] for name in first["group"]}
    return Curves(
        lines=lines,
        title=f"trials of {length} epochs or more ({int(first['networks'].sum()):,} networks)",
        y_label=score_label(metric, "mean"),
        limits=(0, scale),
        counts=dict(zip(first["group"], first["networks"], strict=True)),
    )


def _picture(label: str, panels: list[Curves]) -> Picture:
    title = f"{label}: learning curves per model group"
    return Picture(
        name=f"curves-{slug(label)}",
        title=title,
        caption="Shaded: 95% interval of the mean over networks; in brackets: how many there are. "
        "Colours are shared where a group is in both panels.",
        draw=lambda: draw_curves(panels, title),
    )
