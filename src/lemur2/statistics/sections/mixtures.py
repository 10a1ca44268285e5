"""Mixtures of experts: how they route, and how they score over their seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lemur2.corpus.db import codec
from lemur2.statistics.drawing.planes import Curves, Heat, draw_curves, draw_heat
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import gains
from lemur2.statistics.routing import Routing, routing
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug

LINES = 7  # mixtures in a panel: as many as there are colours
MOST_CELLS = 20  # experts or classes in a picture of them


class Mixtures(Section):
    """Utilisation and specialisation by epoch, use by class, and results over seeds."""

    name = "mixtures"
    title = "Mixtures of experts: routing"
    paper = "Tables 5 to 7; section 4.5"

    def build(self, material: Material) -> Part:
        """Pictures per benchmark, and the tables behind them."""
        ranked = material.ranked
        found = read(material.told[material.told["trial"].isin(ranked.index)])
        if not found:
            return Part(text=("No network here tells how it routes its inputs.",))
        figures = _frame(found).join(ranked[["nn", "benchmark"]], on="trial")
        results = _results(ranked.loc[sorted({trial for trial, _ in found})])
        pictures: list[Picture] = []
        for label, rows in figures.groupby("benchmark"):
            best = results[results["benchmark"] == label].head(LINES)["nn"].tolist()
            if rows["epoch"].nunique() > 1:
                pictures.append(_curves(str(label), rows[rows["nn"].isin(best)]))
            pictures += _classes(str(label), best[0], rows, found)
        return Part(
            text=(
                "What mixtures tell of their routing of the training images, after every epoch. "
                "Utilisation is the entropy of the experts' shares over its largest value: it "
                "falls where a gate collapses to few experts. Specialisation is how much of an "
                "image's class its expert tells. These are the networks' own words; accuracies "
                "are not.",
            ),
            pictures=tuple(pictures),
            tables=(_results_table(results), _routing_table(figures)),
        )


def read(told: pd.DataFrame) -> dict[tuple[int, int], Routing]:
    """The routing by trial and epoch, where diagnostics tell of any."""
    found = {}
    for trial, epoch, text in told[["trial", "epoch", "diagnostics"]].itertuples(index=False):
        read = routing(codec.told(text))
        if read is not None:
            found[int(trial), int(epoch)] = read
    return found


def _frame(found: dict[tuple[int, int], Routing]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": trial,
            "epoch": epoch,
            "experts": each.experts,
            "utilisation": each.utilisation,
            "specialisation": each.specialisation,
            "least": each.load.min(),
            "most": each.load.max(),
            "load": " ".join(f"{share:.3f}" for share in each.load),
        }
        for (trial, epoch), each in found.items()
    )


def _results(trials: pd.DataFrame) -> pd.DataFrame:
    """Per mixture and benchmark what tables 5 to 7 have, over its trials; the best first."""
    grouped = trials.assign(gain=gains(trials)).groupby(["benchmark", "nn"])
    results = grouped.agg(
        trials=("final", "size"),
        mean_final=("final", "mean"),
        deviation=("final", "std"),
        mean_best=("best", "mean"),
        metric=("metric", "first"),
        epochs=("last_epoch", "max"),
    )
    places = grouped["gain"].idxmax()
    for place, name in enumerate(("best", "best_epoch"), start=4):
        results.insert(place, name, trials.loc[places, name].to_numpy())
    results = results.reset_index()
    order = results.assign(gain=gains(results, "mean_final")).sort_values(
        ["benchmark", "gain", "nn"], ascending=[True, False, True]
    )
    return order.drop(columns=["gain", "metric"]).reset_index(drop=True)


def _curves(label: str, rows: pd.DataFrame) -> Picture:
    """Utilisation and specialisation by epoch, averaged over a mixture's trials."""
    panels = []
    for figure in ("utilisation", "specialisation"):
        means = rows.groupby(["nn", "epoch"])[figure].mean().rename("mean").reset_index()
        lines = {str(nn): line for nn, line in means.groupby("nn")}
        panels.append(
            Curves(lines=lines, title=figure, y_label=f"{figure} (0 to 1)", limits=(0, 1))
        )
    title = f"{label}: how mixtures use their experts"
    return Picture(
        name=f"routing-{slug(label)}",
        title=title,
        caption="Means over a mixture's trials, of the mixtures that score best. Utilisation 1: "
        "all experts alike; 0: one alone.",
        draw=lambda: draw_curves(panels, title),
    )


def _classes(
    label: str, nn: str, rows: pd.DataFrame, found: dict[tuple[int, int], Routing]
) -> list[Picture]:
    """The use of experts by class in the last epoch of the best mixture's first trial."""
    own = rows[rows["nn"] == nn]
    trial = own["trial"].min()
    last = found[int(trial), int(own.loc[own["trial"] == trial, "epoch"].max())]
    if max(last.by_class.shape) > MOST_CELLS:
        return []
    names = [f"expert {number} ({share:.0%})" for number, share in enumerate(last.load, start=1)]
    classes = [f"class {number}" for number in np.arange(last.by_class.shape[1])]
    values = pd.DataFrame(last.by_class, index=names, columns=classes)
    title = f"{label}: experts by class in {nn}"
    heat = Heat(values=values, title=title, label="share of the class", span=(0, 1))
    return [
        Picture(
            name=f"experts-{slug(label)}",
            title=title,
            caption="Each column sums to 1; in brackets the expert's share of all images. Last "
            "epoch of the first trial of the mixture with the best mean.",
            draw=lambda: draw_heat([heat]),
        )
    ]


def _results_table(results: pd.DataFrame) -> Table:
    return Table(
        name="mixtures",
        title="Mixtures over their trials",
        frame=results,
        note="mean_final, deviation: accuracy after the last epoch over the trials (seeds), and "
        "its standard deviation; mean_best: mean of their peaks; best, best_epoch: the best peak "
        "of all, and when.",
        open=True,
    )


def _routing_table(figures: pd.DataFrame) -> Table:
    columns = ["benchmark", "nn", "trial", "epoch", "experts", "utilisation", "specialisation"]
    return Table(
        name="routing",
        title="Routing after every epoch",
        frame=figures[[*columns, "least", "most", "load"]],
        note="least, most: the smallest and the largest share of an expert; load: all shares.",
    )
