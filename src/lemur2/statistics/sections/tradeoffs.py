"""Accuracy against what it costs: time and parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lemur2.statistics.drawing.planes import Cloud, draw_cloud
from lemur2.statistics.drawing.style import score_label, score_name, score_scale
from lemur2.statistics.material import Material
from lemur2.statistics.pareto import pareto_front
from lemur2.statistics.ranking import best_per_network, gains
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug

LEAST = 10  # networks; fewer make no cloud
_COSTS = {
    "epoch_seconds": "mean time per epoch [s] (logarithmic axis)",
    "parameters": "parameters (logarithmic axis)",
}
CROWDED = 0.9  # a best accuracy above this: drawn by the distance from 100%
_UP = "logarithmic axis, up is better"
_WORDS = {"epoch_seconds": "time per epoch", "parameters": "parameters"}


class Tradeoffs(Section):
    """Pareto fronts of the best score against duration and, where known, parameters."""

    name = "tradeoffs"
    title = "Accuracy against duration and parameters"

    def build(self, material: Material) -> Part:
        """A picture per benchmark and cost, and the fronts as a table."""
        best = best_per_network(material.ranked)
        best = best.join(material.networks[["parameters"]], on="nn")
        pictures, fronts = [], []
        for label, found in best.groupby("benchmark"):
            for cost in _COSTS:
                known = found[found[cost].notna()].reset_index(drop=True)
                if len(known) >= LEAST:
                    front = pareto_front(known[cost].to_numpy(), gains(known).to_numpy())
                    pictures.append(_picture(str(label), known, cost, front))
                    fronts.append(_front_table(known.iloc[front], cost))
        return Part(
            text=(_said(best),),
            pictures=tuple(pictures),
            tables=_tables(fronts),
        )


def _said(best: pd.DataFrame) -> str:
    screened = best.loc[best["parameters"].notna(), "nn"].nunique()
    said = (
        "Each point is a network with its best trial; the front has those that no other beats in "
        "both. Networks whose trials have no time are left out. Time per epoch is what was "
        "recorded, on whatever machine it ran and with the trial's own batch size and input size: "
        "it ranks roughly, not exactly."
    )
    if screened:
        return f"{said} Parameters are known of {screened:,} networks, from screening."
    return f"{said} Parameters are known of no network here: `lemur2 screen` finds them."


def _picture(label: str, known: pd.DataFrame, cost: str, front: np.ndarray) -> Picture:
    metric = str(known["metric"].iloc[0])
    crowded = metric == "acc" and CROWDED < known["best"].max() < 1
    title = f"{label}: {score_name(metric)} against {_WORDS[cost]} ({len(known):,} networks)"
    cloud = Cloud(
        x=known[cost].to_numpy(),
        y=known["best"].to_numpy() * score_scale(metric),
        groups=list(known["family"]),
        front=front,
        names=list(known["nn"]),
        title=title,
        x_label=_COSTS[cost],
        y_label=f"100 - best accuracy [%] ({_UP})" if crowded else score_label(metric, "best"),
        ceiling=100.0 if crowded else None,
    )
    return Picture(
        name=f"pareto-{slug(cost)}-{slug(label)}",
        title=title,
        caption="Line: the Pareto front; its numbered networks are listed at the right. In "
        "brackets: networks of the family.",
        draw=lambda: draw_cloud(cloud),
    )


def _front_table(front: pd.DataFrame, cost: str) -> pd.DataFrame:
    columns = ["benchmark", "nn", "family", "best", "best_epoch", "epoch_seconds", "parameters"]
    return front[columns].assign(cost=cost)


def _tables(fronts: list[pd.DataFrame]) -> tuple[Table, ...]:
    if not fronts:
        return ()
    return (
        Table(
            name="pareto_fronts",
            title="Networks on the Pareto fronts",
            frame=pd.concat(fronts, ignore_index=True),
            note="cost: what the best score was weighed against; epoch_seconds: of the best trial.",
        ),
    )
