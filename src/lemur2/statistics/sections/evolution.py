"""Genetic search: its progress, its champions, how much of the space it saw."""

from __future__ import annotations

import pandas as pd

from lemur2.generators.genetic.space import SPACES
from lemur2.statistics.drawing.planes import Curves, draw_curves
from lemur2.statistics.drawing.style import score_label, score_scale
from lemur2.statistics.evolution import by_generation, champion, coverage, traits
from lemur2.statistics.material import Material
from lemur2.statistics.sections.base import Part, Picture, Section, Table


class Evolution(Section):
    """Best, mean and spread per generation; the champion's traits; coverage."""

    name = "evolution"
    title = "Genetic search"
    paper = "section 7, figures 6 and 7"

    def build(self, material: Material) -> Part:
        """A picture per run, and tables over all of them."""
        runs = {int(str(run)): found for run, found in material.evolved.groupby("run")}
        if not runs:
            return Part(text=("No run of genetic search is recorded: `lemur2 grow genetic`.",))
        return Part(
            text=tuple(_said(run, found) for run, found in runs.items()),
            pictures=tuple(_picture(run, found) for run, found in runs.items()),
            tables=(
                _table("evolution", "Generations", by_generation, runs, _GENERATIONS),
                _table("champion_traits", "Champions", _traits, runs, _TRAITS),
                _table("evolution_coverage", "What was tried", coverage, runs, _COVERAGE),
            ),
        )


_GENERATIONS = (
    "score on the validation part; sd: over the generation's individuals; best_so_far: over all "
    "generations up to this one."
)
_TRAITS = (
    "baseline: AlexNet's; expressed: whether the gene has an effect in the champion (those of a "
    "left-out block have none)."
)
_COVERAGE = (
    "values: that a gene can have; tried: of them; share_of_commonest: of the individuals that "
    "express the gene (expressed_by), those with its commonest value: near 1 where the search "
    "has settled."
)


def _traits(found: pd.DataFrame) -> pd.DataFrame:
    best = champion(found)
    table = traits(best["parameters"]).astype({"baseline": str, "champion": str})
    return table.assign(nn=best["nn"])


def _table(name: str, title: str, make: object, runs: dict[int, pd.DataFrame], note: str) -> Table:
    assert callable(make)
    frames = [make(found).assign(run=run) for run, found in runs.items()]
    return Table(name=name, title=title, frame=pd.concat(frames, ignore_index=True), note=note)


def _said(run: int, found: pd.DataFrame) -> str:
    best = champion(found)
    space = SPACES[best["parameters"]["space"]]
    changed = traits(best["parameters"]).query("changed and expressed")
    said = ", ".join(f"{row.gene} {row.champion}" for row in changed.itertuples())
    count = found["individual"].nunique()
    return (
        f"Run {run} ({found['mode'].iloc[0]}) tried {count:,} of the {space.size:,} vectors of the "
        f"{space.name} space on {best['dataset']}. Its champion {best['nn']} has "
        f"{best['score']:.4f} on the validation part after {best['epochs']} epochs; other than "
        f"AlexNet's: {said or 'nothing'}. `lemur2 champion {run}` scores it on the test part."
    )


def _picture(run: int, found: pd.DataFrame) -> Picture:
    table = by_generation(found)
    metric, dataset = str(found["metric"].iloc[0]), str(found["dataset"].iloc[0])
    scale = score_scale(metric)
    spread = table["sd"].fillna(0.0)
    lines = {
        "best so far": table[["generation"]].assign(mean=table["best_so_far"] * scale),
        "mean of the generation": table[["generation"]].assign(
            mean=table["mean"] * scale,
            low=(table["mean"] - spread) * scale,
            high=(table["mean"] + spread) * scale,
        ),
    }
    space = found["parameters"].iloc[0]["space"]
    panel = Curves(
        lines={name: line.rename(columns={"generation": "epoch"}) for name, line in lines.items()},
        title=f"{int(table['n'].sum()):,} individuals",
        y_label=score_label(metric),
        x_label="generation",
        limits=(0, scale),
    )
    title = f"Run {run}: evolution in the {space} space on {dataset}"
    return Picture(
        name=f"evolution-{run}",
        title=title,
        caption="Shaded: one standard deviation of the generation's individuals around their mean.",
        draw=lambda: draw_curves([panel], title),
    )
