"""Best per network, best per data set, medians per group, coverage."""

from __future__ import annotations

import pandas as pd

from lemur2.metrics import best_of, signs

OTHER = "other families"
_KEEP = ["nn", "family", "task", "dataset", "metric", "best", "best_epoch", "first", "final"]
_MORE = ["epoch_seconds", "seconds", "transform", "lr", "batch", "momentum", "dropout"]


def gains(trials: pd.DataFrame, score: str = "best") -> pd.Series:
    """A column of scores as something where more is better, whatever the `metric` of a row."""
    return trials[score] * signs(trials["metric"])


def best_score(trials: pd.DataFrame, score: str = "best") -> float:
    """The best score of trials that have one metric; NaN where there are none."""
    return best_of(trials[score], trials["metric"].iloc[0]) if len(trials) else float("nan")


def best_per_network(trials: pd.DataFrame) -> pd.DataFrame:
    """The best trial of each network on each benchmark: best score, earliest epoch, oldest.

    Returns:
        A row per (benchmark, nn), the best of a benchmark first (ties by epoch, then by name),
        with `trial`, and `trials`, how many the network had.
    """
    order = trials.assign(gain=gains(trials)).reset_index()
    order = order.sort_values(
        ["benchmark", "gain", "best_epoch", "trial"], ascending=[True, False, True, True]
    )
    counts = trials.groupby(["benchmark", "nn"]).size().rename("trials")
    found = order.drop_duplicates(["benchmark", "nn"])
    found = found.sort_values(
        ["benchmark", "gain", "best_epoch", "nn"], ascending=[True, False, True, True]
    )
    wanted = ["benchmark", *_KEEP, *_MORE, "trial"]
    return found[wanted].join(counts, on=["benchmark", "nn"]).reset_index(drop=True)


def top(best: pd.DataFrame, limit: int = 10) -> pd.DataFrame:
    """The first `limit` networks of every benchmark, with their `rank` from 1."""
    rank = best.groupby("benchmark").cumcount() + 1
    chosen = best.assign(rank=rank)[rank <= limit]
    return chosen[["benchmark", "rank", *(name for name in best.columns if name != "benchmark")]]


def with_groups(best: pd.DataFrame, least: int = 5) -> pd.Series:
    """Every row's model group: its family, or `OTHER` where the family has too few networks."""
    sizes = best.groupby("family")["nn"].nunique()
    large = set(sizes.index[sizes >= least])
    return best["family"].where(best["family"].isin(large), OTHER).rename("group")


def group_medians(best: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Medians per benchmark and group.

    Args:
        best: A row per (benchmark, nn), of `best_per_network`.
        group: Which group each row is in.

    Returns:
        benchmark, group, networks, trials, median, low and high (the quartiles) of the networks'
        best scores, best (of all), and first (the median score after epoch 1); the best median of a
        benchmark first.
    """
    found = best.assign(group=group, gain=gains(best)).groupby(["benchmark", "group"])
    score = found["best"]
    table = pd.DataFrame(
        {
            "networks": found.size(),
            "trials": found["trials"].sum(),
            "median": score.median(),
            "low": score.quantile(0.25),
            "high": score.quantile(0.75),
            "best": best.loc[found["gain"].idxmax(), "best"].to_numpy(),
            "first": found["first"].median(),
            "gain": found["gain"].median(),
        }
    ).reset_index()
    table = table.sort_values(["benchmark", "gain"], ascending=[True, False], ignore_index=True)
    return table.drop(columns="gain")


def coverage(trials: pd.DataFrame) -> pd.DataFrame:
    """Per task, data set and metric: networks, trials, epochs, flagged trials, best, median.

    Best and median are over the trials' best scores, flagged ones included.
    """
    found = trials.assign(gain=gains(trials)).groupby(["task", "dataset", "metric"])
    table = pd.DataFrame(
        {
            "networks": found["nn"].nunique(),
            "trials": found.size(),
            "epochs": found["epochs"].sum(),
            "longest": found["last_epoch"].max(),
            "flagged": found["flagged"].sum(),
            "best": trials.loc[found["gain"].idxmax(), "best"].to_numpy(),
            "median": found["best"].median(),
        }
    )
    return table.sort_values(["networks", "trials"], ascending=False).reset_index()
