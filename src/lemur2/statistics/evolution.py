"""What runs of genetic search did: by generation, what their champions are like, what they saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db.schema import attempts, benchmarks, epochs, runs, trials
from lemur2.generators.genetic.space import SPACES, Space
from lemur2.metrics import sign, signs

COLUMNS = ["run", "mode", "individual", "nn", "dataset", "metric", "epochs", "score", "parameters"]


def read(connection: Connection) -> pd.DataFrame:
    """The attempts of genetic search that were scored, in the order of asking.

    Columns: run, mode (`generations`, ...), individual (its number), nn, dataset, metric, epochs
    (how many it was trained), score (after the last of them), parameters (a dict: space,
    generation and the value of every gene).
    """
    last = (
        sa.select(epochs.c.trial_id, sa.func.max(epochs.c.epoch).label("epoch"))
        .join(attempts, attempts.c.trial_id == epochs.c.trial_id)
        .where(attempts.c.generator == "genetic")
        .group_by(epochs.c.trial_id)
        .subquery()
    )
    query = (
        sa.select(
            attempts.c.run_id.label("run"),
            runs.c.config,
            attempts.c.name.label("nn"),
            benchmarks.c.dataset,
            benchmarks.c.metric,
            epochs.c.epoch.label("epochs"),
            epochs.c.score,
            attempts.c.parameters,
        )
        .join(runs, runs.c.id == attempts.c.run_id)
        .join(trials, trials.c.id == attempts.c.trial_id)
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .join(last, last.c.trial_id == trials.c.id)
        .join(epochs, (epochs.c.trial_id == trials.c.id) & (epochs.c.epoch == last.c.epoch))
        .where(
            attempts.c.generator == "genetic",
            attempts.c.verdict == "ok",
            epochs.c.score.is_not(None),
        )
        .order_by(attempts.c.run_id, attempts.c.index)
    )
    rows = []
    for row in connection.execute(query).mappings():
        parameters = json.loads(row["parameters"])
        mode = json.loads(row["config"])["generator"]["mode"]
        found = {**row, "parameters": parameters, "individual": parameters["individual"]}
        rows.append({**found, "mode": mode})
    return pd.DataFrame(rows, columns=COLUMNS)


def by_generation(found: pd.DataFrame) -> pd.DataFrame:
    """One run's generations: n, best of it, mean, standard deviation, and the best so far.

    An individual that was trained several times (successive halving) counts with its last score.
    """
    once = found.drop_duplicates("individual", keep="last")
    generation = pd.Series([p["generation"] for p in once["parameters"]], once.index)
    way = sign(once["metric"].iloc[0])
    gain = (once["score"] * way).groupby(generation).max()
    scores = once.groupby(generation)["score"]
    table = pd.DataFrame(
        {
            "n": scores.size(),
            "best": gain * way,
            "mean": scores.mean(),
            "sd": scores.std(),
            "best_so_far": gain.cummax() * way,
        }
    )
    return table.rename_axis("generation").reset_index()


def champion(found: pd.DataFrame) -> pd.Series:
    """One run's best attempt: of those with the most epochs, the first with the best score."""
    longest = found[found["epochs"] == found["epochs"].max()]
    return longest.loc[(longest["score"] * signs(longest["metric"])).idxmax()]


def traits(parameters: Mapping[str, Any]) -> pd.DataFrame:
    """A champion's genes beside the baseline's: gene, baseline, champion, changed, expressed."""
    space = SPACES[parameters["space"]]
    dormant = space.dormant(parameters)
    rows = [
        {
            "gene": gene.name,
            "baseline": gene.baseline,
            "champion": parameters[gene.name],
            "changed": parameters[gene.name] != gene.baseline,
            "expressed": gene.name not in dormant,
        }
        for gene in space.genes
    ]
    return pd.DataFrame(rows)


def coverage(found: pd.DataFrame) -> pd.DataFrame:
    """How much of each gene one run has tried: gene, values, tried, share_of_commonest."""
    once = found.drop_duplicates("individual", keep="last")
    parameters = list(once["parameters"])
    space = SPACES[parameters[0]["space"]]
    return pd.DataFrame([_covered(space, place, parameters) for place in range(len(space.genes))])


def _covered(space: Space, place: int, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one gene, over the individuals that express it."""
    gene = space.genes[place]
    seen = pd.Series([p[gene.name] for p in parameters if gene.name not in space.dormant(p)])
    counts = seen.value_counts()
    return {
        "gene": gene.name,
        "values": len(gene.values),
        "tried": len(counts),
        "share_of_commonest": float(counts.iloc[0] / len(seen)) if len(seen) else float("nan"),
        "expressed_by": len(seen),
    }
