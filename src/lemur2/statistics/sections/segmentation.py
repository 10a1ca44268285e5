"""Segmentation: IoU against epoch and against training time."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.planes import Cloud, Curves, draw_cloud, draw_curves
from lemur2.statistics.drawing.style import score_label
from lemur2.statistics.material import Material
from lemur2.statistics.pareto import pareto_front
from lemur2.statistics.ranking import best_per_network, gains
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug

METRIC = "iou"
SHOWN = 7  # networks whose best trial is drawn: as many as there are colours


class Segmentation(Section):
    """IoU by epoch of the best networks, and IoU against the time that training took."""

    name = "segmentation"
    title = "Segmentation: IoU against epoch and duration"
    paper = "figure 23"

    def build(self, material: Material) -> Part:
        """Two pictures per data set."""
        trials = material.ranked[material.ranked["metric"] == METRIC]
        if trials.empty:
            return Part(text=("The corpus has no trials scored by IoU.",))
        pictures: list[Picture] = []
        for label, found in trials.groupby("benchmark"):
            pictures += [_progress(material, str(label), found), _duration(str(label), found)]
        best = best_per_network(trials)
        return Part(
            text=("The best trial of each network, and all trials by the time they took.",),
            pictures=tuple(pictures),
            tables=(
                Table(
                    name="segmentation",
                    title="Segmentation: best trial of every network",
                    frame=best,
                    note="seconds: of the whole trial; epoch_seconds: mean per epoch.",
                ),
            ),
        )


def _progress(material: Material, label: str, trials: pd.DataFrame) -> Picture:
    leaders = best_per_network(trials).head(SHOWN)
    histories = material.histories(trials.loc[leaders["trial"]])
    lines = {}
    for row in leaders.itertuples():
        line = histories[histories["trial"] == row.trial]
        lines[f"{row.nn}"] = line[["epoch"]].assign(mean=line["score"] * 100)
    title = f"{label}: IoU by epoch, best trial of the {len(leaders)} best networks"
    panel = Curves(lines=lines, title=title, y_label=score_label(METRIC))
    return Picture(
        name=f"segmentation-epochs-{slug(label)}",
        title=title,
        caption="One trial each, the one with the highest IoU: no mean, no interval.",
        draw=lambda: draw_curves([panel]),
    )


def _duration(label: str, trials: pd.DataFrame) -> Picture:
    timed = trials[trials["seconds"].notna()]
    hours = timed["seconds"].to_numpy() / 3600
    best = timed["best"].to_numpy() * 100
    title = f"{label}: IoU against training time ({len(timed):,} trials)"
    cloud = Cloud(
        x=hours,
        y=best,
        groups=list(timed["nn"]),
        front=pareto_front(hours, gains(timed).to_numpy()),
        names=list(timed["nn"]),
        title=title,
        x_label="training time of the whole trial [h] (logarithmic axis)",
        y_label=score_label(METRIC, "best"),
    )
    return Picture(
        name=f"segmentation-duration-{slug(label)}",
        title=title,
        caption="Each point is a trial; the line is the Pareto front. Machines differ between "
        "trials, so times are only roughly comparable.",
        draw=lambda: draw_cloud(cloud),
    )
