"""Text generation: best and median."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.drawing.style import score_label, score_name, score_scale
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import gains
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug

TASK = "txt-generation"


class Text(Section):
    """Best and median score of every text-generation network."""

    name = "text"
    title = "Text generation: best and median"
    paper = "figure 22"

    def build(self, material: Material) -> Part:
        """A picture per data set and metric."""
        trials = material.ranked[material.ranked["task"] == TASK]
        if trials.empty:
            return Part(text=("The corpus has no trials of text generation.",))
        table = _table(trials)
        pictures = [_picture(str(label), found) for label, found in table.groupby("benchmark")]
        return Part(
            text=(
                "Over trials: each trial counts with its best epoch. The perplexity score is "
                "1 - ln(perplexity) / ln(1000), so higher is better (equation 1 of the paper's "
                "supplement).",
            ),
            pictures=tuple(pictures),
            tables=(
                Table(
                    name="text_generation",
                    title="Text generation: best and median of the trials",
                    frame=table,
                    note="low, high: quartiles of the trials' best scores.",
                ),
            ),
        )


def _table(trials: pd.DataFrame) -> pd.DataFrame:
    grouped = trials.assign(gain=gains(trials)).groupby(["benchmark", "metric", "nn"])
    by_network = grouped["best"]
    table = pd.DataFrame(
        {
            "best": trials.loc[grouped["gain"].idxmax(), "best"].to_numpy(),
            "median": by_network.median(),
            "low": by_network.quantile(0.25),
            "high": by_network.quantile(0.75),
            "trials": by_network.size(),
        },
        index=by_network.size().index,
    ).reset_index()
    order = table.assign(gain=gains(table)).sort_values(
        ["benchmark", "gain"], ascending=[True, False]
    )
    return order.drop(columns="gain")


def _picture(label: str, table: pd.DataFrame) -> Picture:
    metric = str(table["metric"].iloc[0])
    scale = score_scale(metric)
    found = table.head(20)
    title = f"{label}: best and median {score_name(metric)} ({int(table['trials'].sum())} trials)"
    rows = Rows(
        names=list(found["nn"]),
        values=found["best"].to_numpy() * scale,
        hollow=found["median"].to_numpy() * scale,
        low=found["low"].to_numpy() * scale,
        high=found["high"].to_numpy() * scale,
        point="best trial",
        hollow_point="median trial",
        span="middle half of the trials",
        notes=[f"n = {count}" for count in found["trials"]],
        title=title,
        label=score_label(metric),
    )
    return Picture(
        name=f"text-{slug(label)}",
        title=title,
        caption="n: trials of the network.",
        draw=lambda: draw_rows(rows),
    )
