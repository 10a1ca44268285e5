"""Few-shot prompting: dataset-balanced against naive averages per number of examples."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lemur2.statistics.balance import balance
from lemur2.statistics.drawing.planes import Heat, draw_heat
from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.fewshot import (
    compare_groups,
    few_shot,
    few_shot_epochs,
    few_shot_success,
    mean_matrices,
)
from lemur2.statistics.material import Material
from lemur2.statistics.sections.base import Part, Picture, Section, Table


class FewShot(Section):
    """Average accuracy of `alt-nn<n>` networks by n, balanced and naive; how many there are."""

    name = "fewshot"
    title = "Few-shot prompting: balanced against naive averages"
    paper = "sections 10.3 and 14.6, table 9"

    def build(self, material: Material) -> Part:
        """Averages after the first epoch (the paper's protocol) and at best."""
        found = few_shot(material.ranked)
        success = few_shot_success(material.families)
        attempts = () if success.empty else (_success(success),)
        if found.empty:
            return Part(
                text=("The corpus has no trained networks named alt-nn1 to alt-nn6.",),
                tables=attempts,
            )
        tables = {score: balance(found, "group", score) for score in ("first", "best")}
        every = balance(few_shot_epochs(material), "group")
        every[["low", "high"]] = np.nan  # epochs of a trial are not independent
        both = pd.concat(
            [
                *(table.assign(score=score) for score, table in tables.items()),
                every.assign(score="every epoch"),
            ]
        )
        versus = compare_groups(found, "first", "alt-nn3", "alt-nn1")
        return Part(
            text=(
                "The balanced mean gives every data set one vote, the naive one every network; "
                "where a group has mostly networks on an easy data set, the naive mean flatters "
                "it. A group that covers fewer data sets cannot be compared by "
                "either. A network counts with its best trial on a data set.",
                _said(every),
            ),
            pictures=(_averages(tables["first"]), _matrix(found)),
            tables=(
                Table(
                    name="fewshot_averages",
                    title="Balanced and naive mean accuracy per number of examples",
                    frame=both,
                    note="low, high: bootstrap 95% interval of the balanced mean (not where a "
                    "data set has a single network, nor of epochs); rows: pairs of network and "
                    "data set; inflation: naive - balanced; score: after the first epoch, or at "
                    "best, or of every recorded epoch of every trial (then rows are epochs).",
                ),
                Table(
                    name="fewshot_three_against_one",
                    title="n = 3 against n = 1 by data set, after epoch 1",
                    frame=versus,
                    note="Mean accuracies, their difference, and Welch's p (not corrected for the "
                    "number of data sets).",
                ),
                *attempts,
            ),
        )


def _success(success: pd.DataFrame) -> Table:
    return Table(
        name="fewshot_success",
        title="Success per number of examples (the paper's table 9)",
        frame=success,
        note="count of what was asked for passed the stage; share = count / asked; low, high: 95% "
        "interval (Wilson). The paper gives its rates relative to n = 1.",
    )


def _said(every: pd.DataFrame) -> str:
    worst = every.sort_values("inflation", key=np.abs, ascending=False).iloc[0]
    naive, balanced = worst["naive"] * 100, worst["balanced"] * 100
    return (
        f"Averaged naively over every recorded epoch, the mean of {worst['group']} is "
        f"{naive:.1f}%, balanced over data sets {balanced:.1f}%: a difference of "
        f"{abs(naive - balanced):.1f} points, the largest here."
    )


def _averages(table: pd.DataFrame) -> Picture:
    title = "Few-shot networks: mean accuracy after epoch 1"
    rows = Rows(
        names=list(table["group"]),
        values=table["balanced"].to_numpy() * 100,
        low=table["low"].to_numpy() * 100,
        high=table["high"].to_numpy() * 100,
        hollow=table["naive"].to_numpy() * 100,
        point="balanced over data sets",
        span="its 95% bootstrap interval",
        hollow_point="naive",
        notes=[
            f"{row.networks:,} networks, {row.datasets} data sets" for row in table.itertuples()
        ],
        title=title,
        label="mean accuracy [%]",
    )
    return Picture(
        name="fewshot-averages",
        title=title,
        caption="Groups with fewer data sets are not comparable with the rest.",
        draw=lambda: draw_rows(rows),
    )


def _matrix(found: pd.DataFrame) -> Picture:
    means, counts = mean_matrices(found, "first")
    title = "Few-shot networks: mean accuracy after epoch 1 by data set"
    panel = Heat(
        values=means * 100,
        notes=counts,
        title=title,
        label="mean accuracy [%]",
        span=(0, 100),
        digits=1,
    )
    return Picture(
        name="fewshot-datasets",
        title=title,
        caption="In each cell: the mean accuracy [%] and the number of networks.",
        draw=lambda: draw_heat([panel]),
    )
