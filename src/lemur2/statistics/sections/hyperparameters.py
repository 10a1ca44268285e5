"""How hyperparameters go with scores."""

from __future__ import annotations

import pandas as pd

from lemur2.statistics.association import hyperparameter_correlations
from lemur2.statistics.drawing.planes import Heat, draw_heat
from lemur2.statistics.material import Material, other_hyperparameters
from lemur2.statistics.sections.base import Part, Picture, Section, Table

COMMON = ("lr", "batch", "momentum", "dropout")
_SIDE = r"(?:^|_)(\d+)(?:_|$)"  # `norm_256_flip`: images of 256 pixels a side


class Hyperparameters(Section):
    """Spearman correlation of every hyperparameter with the score, per data set."""

    name = "hyperparameters"
    title = "Hyperparameters and accuracy"

    def build(self, material: Material) -> Part:
        """Two matrices and a table."""
        trials, names = _numbers(material.ranked)
        table = pd.concat(
            [
                hyperparameter_correlations(trials, names, score).assign(score=score)
                for score in ("best", "first")
            ],
            ignore_index=True,
        )
        if table.empty:
            return Part(text=("No data set has 20 trials whose hyperparameters vary.",))
        return Part(
            text=(
                "Spearman's rho over trials. Left: pooled over all trials of a data set, where "
                "networks that were tried with other hyperparameters can feign a correlation. "
                "Right: within networks (at least 5 trials each), both sides as percentiles of the "
                "same network's trials. No cause is shown by either. `side` is the image's side "
                "in pixels, read from the transform's name.",
            ),
            pictures=tuple(_picture(table, score) for score in ("best", "first")),
            tables=(
                Table(
                    name="hyperparameters",
                    title="Rank correlation of hyperparameters with the score",
                    frame=table,
                    note="rho with its 95% interval; n: trials; score: the trials' best, or that "
                    "after the first epoch.",
                ),
            ),
        )


def _numbers(trials: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The trials with a column per hyperparameter, and the columns' names."""
    side = trials["transform"].str.extract(_SIDE, expand=False).astype(float)
    others = other_hyperparameters(trials).drop(columns=["epoch", *COMMON], errors="ignore")
    others = others.rename(columns={name: f"prm {name}" for name in others if name in trials})
    names = [*COMMON, "side", *others.columns]
    return pd.concat([trials, side.rename("side"), others], axis=1), names


def _picture(table: pd.DataFrame, score: str) -> Picture:
    shown = table[(table["score"] == score) & table["hyperparameter"].isin([*COMMON, "side"])]
    words = {"best": "best score", "first": "score after epoch 1"}[score]
    benchmarks = sorted(shown["benchmark"].unique())
    panels = []
    for kind, title in (("pooled", "pooled"), ("within", "within networks")):
        part = shown[shown["kind"] == kind]
        matrices = [
            part.pivot(index="benchmark", columns="hyperparameter", values=value).reindex(
                index=benchmarks, columns=[*COMMON, "side"]
            )
            for value in ("rho", "n")
        ]
        panels.append(
            Heat(
                values=matrices[0],
                notes=matrices[1],
                title=f"{title}: rho, n trials",
                label=f"Spearman's rho with the {words}",
                span=(-0.8, 0.8),
                diverging=True,
            )
        )
    return Picture(
        name=f"hyperparameters-{score}",
        title=f"Rank correlation of hyperparameters with the {words}",
        caption="In each cell: rho, and the number of trials. Blue: higher values go with higher "
        "scores.",
        draw=lambda: draw_heat(panels),
    )
