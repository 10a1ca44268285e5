"""What is in the corpus, and what the report leaves out."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import coverage
from lemur2.statistics.sections.base import Part, Picture, Section, Table


class Overview(Section):
    """Tasks and data sets with networks, trials and epochs; families; what is left out."""

    name = "overview"
    title = "The corpus: tasks and data sets"

    def build(self, material: Material) -> Part:
        """Counts."""
        table = coverage(material.trials)
        families = _families(material)
        return Part(
            text=(_totals(material), *_left_out(material)),
            pictures=(_picture(table),) if len(table) else (),
            tables=(
                Table(
                    name="coverage",
                    title="Tasks and data sets",
                    frame=table,
                    note="networks, trials and epochs recorded; longest: the last epoch of the "
                    "longest trial; flagged: trials whose scores are implausible; best and median "
                    "of the trials' best scores (0 to 1).",
                ),
                Table(
                    name="families",
                    title="Families",
                    frame=families,
                    note="networks of each family, those with trials, and their trials.",
                ),
            ),
        )


def _totals(material: Material) -> str:
    trials, networks = material.trials, material.networks
    never = len(networks) - trials["nn"].nunique()
    return (
        f"{len(networks):,} networks of {networks['family'].nunique():,} families; "
        f"{len(trials):,} trials with {len(material.epochs):,} epochs on "
        f"{trials['dataset'].nunique():,} data sets. {never:,} networks have no trial that ended "
        "well. A trial is one training under one set of hyperparameters; its score after an "
        "epoch is a row."
    )


def _left_out(material: Material) -> list[str]:
    trials = material.trials
    said = []
    flagged = trials[trials["flagged"]]
    if len(flagged):
        where = ", ".join(sorted(flagged["benchmark"].unique()))
        rows = int(flagged["epochs"].sum())
        said.append(
            f"Left out of everything but the counts: {len(flagged):,} trials ({rows:,} epochs; "
            f"{where}) that are flagged because their scores are implausible."
        )
    marked = int(material.networks["duplicate"].sum())
    if marked:
        said.append(
            f"Left out likewise: {marked:,} networks marked as redundant by `lemur2 dedupe`, and "
            f"their {int(trials['duplicate'].sum()):,} trials."
        )
    else:
        networks = material.networks
        copies = len(networks) - networks["digest"].nunique()
        said.append(
            f"No network is marked as redundant, so none is left out for that; {copies:,} have "
            "the same syntax tree as another one (`lemur2 dedupe` can mark them)."
        )
    return said


def _families(material: Material) -> pd.DataFrame:
    networks = material.networks.groupby("family").size().rename("networks")
    by_family = material.trials.groupby("family")
    table = pd.DataFrame(
        {"networks": networks, "trained": by_family["nn"].nunique(), "trials": by_family.size()}
    )
    counts = table.fillna(0).astype(int).sort_values("networks", ascending=False, kind="stable")
    return counts.rename_axis("family").reset_index()


def _picture(table: pd.DataFrame) -> Picture:
    names = [f"{row.dataset} ({row.metric})" for row in table.itertuples()]
    notes = [f"{row.networks:,} / {row.trials:,}" for row in table.itertuples()]

    title = "Networks and trials per data set and metric"
    rows = Rows(
        names=names,
        values=table["networks"].to_numpy(),
        hollow=table["trials"].to_numpy(),
        point="networks",
        hollow_point="trials",
        notes=notes,
        title=title,
        label="count (logarithmic axis)",
        logarithmic=True,
    )
    return Picture(
        name="coverage",
        title=title,
        caption="At the right: networks / trials. Where these are uneven, an average over the "
        "whole corpus is mostly one over the first rows.",
        draw=lambda: draw_rows(rows),
    )
