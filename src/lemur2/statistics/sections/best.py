"""The ten best networks of every data set."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.drawing.style import score_label, score_name, score_scale, score_text
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import best_per_network, top
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug


class Best(Section):
    """Top 10 per data set by best score."""

    name = "best"
    title = "Best networks per data set"
    paper = "figures 11 to 15 and 19 to 21"

    def build(self, material: Material) -> Part:
        """Rankings."""
        best = best_per_network(material.ranked)
        best = best.join(material.networks["pretrained"], on="nn")
        leaders = top(best)
        pictures = tuple(
            _picture(label, found, int((best["benchmark"] == label).sum()))
            for label, found in _by_size(best, leaders)
        )
        return Part(
            text=(
                "A network's best score over all its trials and epochs on the validation data. "
                f"{_budgets(material.ranked)} `pretrained` marks networks whose source asks for "
                "weights trained elsewhere (found by its text): they did not start from nothing, "
                "as the others did.",
            ),
            pictures=pictures,
            tables=(
                Table(
                    name="top10",
                    title="Ten best networks per data set",
                    frame=leaders,
                    note="best: the highest score (the lowest where the metric is one to be low), "
                    "reached at best_epoch of that trial; first and final: its scores after epoch "
                    "1 and after its last; epoch_seconds: mean per epoch; trials: how many the "
                    "network had on this data set; pretrained: its source asks for weights "
                    "trained elsewhere.",
                ),
                Table(
                    name="best_per_network",
                    title="Best trial of every network on every data set",
                    frame=best,
                    note="As above, for all networks.",
                ),
            ),
        )


def _budgets(trials: pd.DataFrame) -> str:
    counts = trials.groupby(["benchmark", "nn"]).size()
    last = trials["last_epoch"]
    if counts.min() == counts.max() and last.min() == last.max():
        return f"Each had {counts.max()} trials of {last.max()} epochs."
    return (
        f"On one data set a network had {counts.min()} to {counts.max()} trials (median "
        f"{counts.median():.0f}), of {last.min()} to {last.max()} epochs (median "
        f"{last.median():.0f}), so a ranking by best score is also one by budget; the section on "
        "model groups compares after the first epoch, too."
    )


def _by_size(best: pd.DataFrame, leaders: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The data set with the most networks first."""
    order = best["benchmark"].value_counts().index
    return [(str(label), leaders[leaders["benchmark"] == label]) for label in order]


def _picture(label: str, found: pd.DataFrame, networks: int) -> Picture:
    metric = str(found["metric"].iloc[0])
    title = f"{label}: {len(found)} best of {networks:,} networks by {score_name(metric)}"
    notes = [
        f"{score_text(score, metric)}  (epoch {epoch}{', pretrained' if pretrained else ''})"
        for score, epoch, pretrained in zip(
            found["best"], found["best_epoch"], found["pretrained"], strict=True
        )
    ]
    rows = Rows(
        names=list(found["nn"]),
        values=found["best"].to_numpy() * score_scale(metric),
        groups=list(found["family"]),
        notes=notes,
        title=title,
        label=score_label(metric, "best"),
    )
    return Picture(
        name=f"top10-{slug(label)}",
        title=title,
        caption="Colour: model family. At the right: the score and the epoch it was reached at. "
        "The axis does not start at 0.",
        draw=lambda: draw_rows(rows),
    )
