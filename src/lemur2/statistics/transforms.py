"""Transforms that generators proposed: how they score by number of operations, and by which."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lemur2.statistics.intervals import mean_interval
from lemur2.statistics.material import Material
from lemur2.statistics.ranking import best_score, gains

SETTING = ["nn", "benchmark", "epochs"]  # what has to be equal for transforms to be compared
PROMPTED = "prompted"
_PLAIN = "no operation"


def tried(material: Material) -> pd.DataFrame:
    """The transforms that were proposed and tried, each with its score.

    Returns:
        A row per trial: transform, generator, configuration (`1 operation`, ..., `no operation`,
        or that it was prompted), operations (names in order; empty where not known), nn,
        benchmark, epochs, score (after the last epoch), threshold (the best score of the same
        network, data and epochs under a transform that no generator proposed: what was best
        before; NaN where there is none), kept (whether the score is better than it; NA likewise)
        and metric.
    """
    proposed = material.proposed_transforms
    proposed = proposed[proposed["trial"].isin(material.ranked.index)]
    rows = proposed.join(material.ranked[[*SETTING, "metric", "final"]], on="trial")
    chosen = rows.pop("parameters")
    rows["configuration"] = [configuration(each) for each in chosen]
    rows["operations"] = [tuple(each.get("operations", ())) for each in chosen]
    rows = rows.rename(columns={"final": "score"})
    rows = rows.join(thresholds(material).rename("threshold"), on=SETTING)
    better = (gains(rows, "score") > gains(rows, "threshold")).astype("boolean")
    rows["kept"] = better.mask(rows["threshold"].isna())
    return rows.drop(columns=["verdict", "trial"]).reset_index(drop=True)


def configuration(parameters: dict[str, object]) -> str:
    """What table 10 would call a transform, from what its generator chose."""
    arity = parameters.get("arity")
    if not isinstance(arity, int):
        return PROMPTED
    return {0: _PLAIN, 1: "1 operation"}.get(arity, f"{arity} operations")


def thresholds(material: Material) -> pd.Series:
    """Per network, benchmark and epochs the best score under a transform nobody proposed."""
    trials = material.ranked
    names = set(material.proposed_transforms["transform"])
    given = trials[~trials["transform"].isin(names) & (trials["transform"] != "")]
    best = gains(given, "final").groupby([given[name] for name in SETTING]).idxmax()
    return given["final"].loc[best].set_axis(best.index)


def by_configuration(found: pd.DataFrame, proposed: pd.DataFrame) -> pd.DataFrame:
    """Table 10: a row per setting and configuration.

    Args:
        found: From `tried`.
        proposed: `Material.proposed_transforms`; it counts those that never came to a trial.

    Returns:
        nn, benchmark, epochs, configuration, tried, mean with the 95% interval low to high, best,
        threshold, kept (how many are better), and refused (of the configuration, in all runs:
        they have no score and are in no mean).
    """
    kinds = proposed["parameters"].map(configuration)
    refused = kinds[~proposed["verdict"].isin(["ok", "duplicate"])].value_counts()
    rows = []
    for key, part in found.groupby([*SETTING, "configuration"]):
        scores = part["score"].to_numpy()
        low, high = mean_interval(scores)
        rows.append(
            {
                **dict(zip([*SETTING, "configuration"], key, strict=True)),
                "tried": len(part),
                "mean": scores.mean(),
                "low": low,
                "high": high,
                "best": best_score(part, "score"),
                "threshold": part["threshold"].iloc[0],
                "kept": part["kept"].sum(min_count=1),
                "refused": int(refused.get(key[-1], 0)),
            }
        )
    return pd.DataFrame(rows)


def arity_effect(found: pd.DataFrame) -> pd.DataFrame:
    """Differences of mean scores between numbers of operations, the smaller number first.

    Returns:
        nn, benchmark, epochs, fewer, more, difference (of the means, turned round where a lower
        score is better: above 0 where fewer are better), its 95% interval low to high, and p
        (Welch's t-test, two-sided).
    """
    from scipy.stats import ttest_ind

    rows = []
    for key, part in found.groupby(SETTING):
        numbers = part["operations"].map(len)[part["configuration"] != PROMPTED]
        arities = sorted(numbers.unique())
        gain = gains(part, "score")
        pairs = [(a, b) for a in arities for b in arities if a < b]
        for fewer, more in pairs:
            one, other = (gain[numbers[numbers == n].index] for n in (fewer, more))
            if min(len(one), len(other)) < 2:
                continue
            test = ttest_ind(one, other, equal_var=False)
            span = test.confidence_interval(0.95)
            rows.append(
                {
                    **dict(zip(SETTING, key, strict=True)),
                    "fewer": int(fewer),
                    "more": int(more),
                    "difference": one.mean() - other.mean(),
                    "low": float(span.low),
                    "high": float(span.high),
                    "p": float(test.pvalue),
                }
            )
    return pd.DataFrame(rows)


def by_operation(found: pd.DataFrame) -> pd.DataFrame:
    """Which operations help: scores of compositions with each, against others of their length.

    Returns:
        nn, benchmark, epochs, operation, tried, difference (mean over the compositions that
        contain it of: score - mean score of all compositions of as many operations; turned round
        where a lower score is better, so that above 0 is better), its 95% interval low to high,
        alone (mean score as the only operation), best.
    """
    rows = []
    brute = found[found["configuration"] != PROMPTED]
    for key, part in brute.groupby(SETTING):
        length = part["operations"].map(len)
        gain = gains(part, "score")
        centred = gain - gain.groupby(length).transform("mean")
        for name in sorted({name for names in part["operations"] for name in names}):
            has = part["operations"].map(lambda names, wanted=name: wanted in names)
            low, high = mean_interval(centred[has].to_numpy())
            alone = part["score"][has & (length == 1)]
            rows.append(
                {
                    **dict(zip(SETTING, key, strict=True)),
                    "operation": name,
                    "tried": int(has.sum()),
                    "difference": centred[has].mean(),
                    "low": low,
                    "high": high,
                    "alone": alone.mean() if len(alone) else np.nan,
                    "best": best_score(part[has], "score"),
                }
            )
    table = pd.DataFrame(rows)
    return table if table.empty else table.sort_values([*SETTING, "difference"], ascending=False)
