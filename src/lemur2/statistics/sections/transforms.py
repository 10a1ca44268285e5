"""Transforms: table 10, the effect of their length, and which operations help."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.drawing.rows import Rows, draw_rows
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import gains
from lemur2.statistics.sections.base import Part, Picture, Section, Table, slug
from lemur2.statistics.transforms import (
    SETTING,
    arity_effect,
    by_configuration,
    by_operation,
    tried,
)


class Transforms(Section):
    """Accuracy under proposed transforms by number of operations, and by operation."""

    name = "transforms"
    title = "Transforms: how many operations, and which"
    paper = "section 11, table 10"

    def build(self, material: Material) -> Part:
        """Tables over all settings, and two pictures of each with enough transforms."""
        found = tried(material)
        if found.empty:
            return Part(
                text=(
                    "No transform was proposed and tried; `lemur2 grow transforms -n 60 --dataset "
                    "mnist-5k --network ResNet8 --sides 32` does.",
                )
            )
        table = by_configuration(found, material.proposed_transforms)
        effect, helpful = arity_effect(found), by_operation(found)
        pictures = []
        for key, part in table.groupby(SETTING):
            setting = f"{key[0]} on {key[1]}, epoch {key[2]}"
            pictures.append(_configurations(setting, part))
            mine = helpful[(helpful[SETTING] == list(key)).all(axis=1)]
            if not mine.empty:
                pictures.append(_operations(setting, mine))
        return Part(
            text=(
                "Every transform resizes, converts and normalises; what varies are the operations "
                "before. Scores are after the last epoch, in the transform's deterministic form. "
                "A transform is kept, in the paper's sense, where its score beats the best of "
                "the same network, data and epochs under a transform that no generator proposed: "
                "`threshold`, missing where none was tried. None is deleted for not being kept. "
                "What was refused has no score and is in no mean; the paper's mean of prompted "
                "transforms (10.4%) seems to count failures as 0.",
                *_said(effect),
            ),
            pictures=tuple(pictures),
            tables=(
                Table(
                    name="transforms",
                    title="Accuracy by number of operations (table 10)",
                    frame=table,
                    note="low, high: 95% interval of the mean; kept: how many are better than "
                    "the threshold; refused: of this configuration, over all runs.",
                    open=True,
                ),
                Table(
                    name="transforms_arity",
                    title="Fewer operations against more",
                    frame=effect,
                    note="Difference of mean accuracies (above 0: fewer are better), its 95% "
                    "interval and p by Welch's t-test, not corrected for their number.",
                ),
                Table(
                    name="transforms_operations",
                    title="Which operations help",
                    frame=helpful,
                    note="difference: mean of the score less the mean of all compositions of as "
                    "many operations, with its 95% interval; alone: mean score as the only one.",
                ),
                Table(
                    name="transforms_tried",
                    title="Every transform that was tried",
                    frame=_listed(found),
                    note="kept: its score is better than the threshold.",
                ),
            ),
        )


def _said(effect: pd.DataFrame) -> list[str]:
    """In words, whether more operations are worse, from the neighbouring numbers of them."""
    said: list[str] = []
    if effect.empty:
        return said
    for key, part in effect.groupby(SETTING):
        steps = part[(part["more"] - part["fewer"] == 1) & (part["fewer"] > 0)]
        columns = ["fewer", "more", "difference", "low", "high"]
        words = [
            f"{fewer:.0f} against {more:.0f}: {100 * difference:+.1f} points "
            f"({100 * low:+.1f} to {100 * high:+.1f})"
            for fewer, more, difference, low, high in steps[columns].to_numpy(dtype=float)
        ]
        if words:
            said.append(f"{key[0]} on {key[1]}, difference of means, {'; '.join(words)}.")
    return said


def _listed(found: pd.DataFrame) -> pd.DataFrame:
    listed = found.assign(gain=gains(found, "score")).sort_values(
        [*SETTING, "gain"], ascending=[True, True, True, False]
    )
    return listed.drop(columns="gain").assign(operations=listed["operations"].map(", ".join))


def _configurations(setting: str, part: pd.DataFrame) -> Picture:
    title = f"Accuracy under proposed transforms: {setting}"
    rows = Rows(
        names=list(part["configuration"]),
        values=part["mean"].to_numpy() * 100,
        low=part["low"].to_numpy() * 100,
        high=part["high"].to_numpy() * 100,
        hollow=part["best"].to_numpy() * 100,
        point="mean",
        span="its 95% interval",
        hollow_point="best",
        notes=[f"{count:,} tried" for count in part["tried"]],
        title=title,
        label="accuracy [%]",
    )
    return Picture(
        name=f"transforms-{slug(setting)}",
        title=title,
        caption="Each point is a mean over different transforms, of one trial each.",
        draw=lambda: draw_rows(rows),
    )


def _operations(setting: str, part: pd.DataFrame) -> Picture:
    title = f"Which operations help: {setting}"
    rows = Rows(
        names=list(part["operation"]),
        values=part["difference"].to_numpy() * 100,
        low=part["low"].to_numpy() * 100,
        high=part["high"].to_numpy() * 100,
        point="mean difference",
        span="its 95% interval",
        notes=[f"{row.tried:,} tried" for row in part.itertuples()],
        title=title,
        label="accuracy against compositions of equal length [points]",
        zero=True,
    )
    return Picture(
        name=f"transforms-operations-{slug(setting)}",
        title=title,
        caption="Right of 0: compositions with the operation are better than others of their "
        "length.",
        draw=lambda: draw_rows(rows),
    )
