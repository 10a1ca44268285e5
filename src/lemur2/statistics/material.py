"""What the statistics work on: the corpus as a few frames, read once.

Half a million epochs are two narrow frames (trials, epochs) of some 60 MB in all; everything that
repeats (names, hyperparameters) is kept per trial and never spread over its epochs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus import Corpus
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    attempts,
    benchmarks,
    epochs,
    redundant,
    sources,
    transforms,
    trials,
)
from lemur2.corpus.funnel import Stage
from lemur2.metrics import signs
from lemur2.statistics import evolution

BENCHMARK = ["task", "dataset", "metric"]
_PRETRAINED = re.compile(
    rb"pretrained\s*=\s*(?:True|bool)|weights\s*=\s*[\"']?[\w.]*(?:DEFAULT|IMAGENET|COCO)"
)


@dataclass(frozen=True, kw_only=True)
class Material:
    """A corpus, read.

    Attributes:
        place: Where it was read from, for the reader of a report.
        trials: A row per trial that ended well (index: its id): nn, family, task, dataset,
            metric, benchmark (a short label, see `label_benchmarks`), transform, lr, batch,
            momentum, dropout, prm (JSON of the other hyperparameters), flagged and duplicate
            (bool), and of its epochs: epochs (how many), last_epoch, first (the score after
            epoch 1; NaN where that is not recorded), final, best, best_epoch (the earliest of
            equals), seconds (of all its epochs; NaN where one is not known), epoch_seconds (mean
            of those that are known).
        epochs: trial, epoch, score, seconds; sorted by trial and epoch, scores never NaN.
        told: trial, epoch, diagnostics: JSON of what networks tell of themselves, where they do.
        networks: A row per network (index: its name): family, parameters, flops (NaN where it
            was not screened), digest, flagged, duplicate, pretrained (its source asks for weights
            trained elsewhere; read from the text, so it may err).
        proposed_transforms: A row per transform that a generator proposed: generator, verdict,
            transform (its name), parameters (what the generator chose, a dict), and trial, the
            id of the trial that it was tried in (missing where none was).
        funnel: Per generator, how far its candidates got; empty where nothing was attempted here.
        blocks: What networks of retrieved blocks are made of: JSON of what the generator chose, by
            the network's name.
        evolved: What genetic search tried; see `statistics.evolution.read`.
        families: The same per prefix of the candidates' names.
    """

    place: str
    trials: pd.DataFrame
    epochs: pd.DataFrame
    told: pd.DataFrame
    networks: pd.DataFrame
    proposed_transforms: pd.DataFrame
    funnel: Mapping[str, tuple[Stage, ...]]
    blocks: pd.Series
    evolved: pd.DataFrame
    families: Mapping[str, tuple[Stage, ...]]

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """The trials that count: neither flagged as implausible nor of a marked duplicate."""
        return self.trials[~(self.trials["flagged"] | self.trials["duplicate"])]

    def histories(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The epochs of some trials, with their nn, family and benchmark."""
        found = self.epochs[self.epochs["trial"].isin(trials.index)]
        return found.join(trials[["nn", "family", "benchmark"]], on="trial")


def load(corpus: Corpus) -> Material:
    """Read a corpus."""
    with corpus.database.read() as connection:
        histories = _epochs(connection)
        told = _told(connection)
        networks = _networks(connection)
        found = _trials(connection)
        evolved = evolution.read(connection)
        proposed = _proposed_transforms(connection)
        blocks = _blocks(connection)
    of_trial = pd.Series(signs(found["metric"]), index=found.index)
    found = found.join(summarise(histories, of_trial), how="inner")
    found["duplicate"] = networks["duplicate"].reindex(found["nn"]).to_numpy()
    found.insert(4, "benchmark", label_benchmarks(found))
    return Material(
        place=corpus.database.place,
        trials=found,
        epochs=histories[histories["trial"].isin(found.index)],
        told=told[told["trial"].isin(found.index)],
        networks=networks,
        proposed_transforms=proposed,
        funnel=corpus.funnel(),
        blocks=blocks,
        evolved=evolved,
        families=corpus.funnel(by="prefix"),
    )


def _trials(connection: Connection) -> pd.DataFrame:
    columns = [
        trials.c.id.label("trial"),
        architectures.c.name.label("nn"),
        architectures.c.family,
        *(benchmarks.c[name] for name in BENCHMARK),
        transforms.c.name.label("transform"),
        *(trials.c[name] for name in ("lr", "batch", "momentum", "dropout", "prm", "flagged")),
    ]
    query = (
        sa.select(*columns)
        .join(architectures, architectures.c.id == trials.c.architecture_id)
        .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
        .join(transforms, transforms.c.id == trials.c.transform_id)
        .where(trials.c.verdict == "ok")
        .order_by(trials.c.id)
    )
    found = pd.read_sql(query, connection, index_col="trial")
    numbers = ["lr", "batch", "momentum", "dropout"]
    found[numbers] = found[numbers].astype(float)
    found["flagged"] = found["flagged"].notna()
    return found


def _epochs(connection: Connection) -> pd.DataFrame:
    columns = (epochs.c.trial_id.label("trial"), epochs.c.epoch, epochs.c.score, epochs.c.seconds)
    query = sa.select(*columns).where(epochs.c.score.is_not(None))
    found = pd.read_sql(query, connection)
    found[["score", "seconds"]] = found[["score", "seconds"]].astype(float)
    return found.sort_values(["trial", "epoch"], ignore_index=True)


def _blocks(connection: Connection) -> pd.Series:
    query = (
        sa.select(attempts.c.name, attempts.c.parameters)
        .where(attempts.c.generator == "retrieval", attempts.c.verdict == "ok")
        .order_by(attempts.c.id)
    )
    found = pd.read_sql(query, connection).drop_duplicates("name")
    return found.set_index("name")["parameters"]


def _proposed_transforms(connection: Connection) -> pd.DataFrame:
    names = ("generator", "verdict", "parameters", "trial_id")
    query = (
        sa.select(attempts.c.name.label("transform"), *(attempts.c[name] for name in names))
        .where(attempts.c.kind == "transform", attempts.c.verdict.is_not(None))
        .order_by(attempts.c.id)
    )
    found = pd.read_sql(query, connection).rename(columns={"trial_id": "trial"})
    found["parameters"] = [json.loads(text) for text in found["parameters"]]
    found["trial"] = found["trial"].astype("Int64")
    return found


def _told(connection: Connection) -> pd.DataFrame:
    columns = (epochs.c.trial_id.label("trial"), epochs.c.epoch, epochs.c.diagnostics)
    query = sa.select(*columns).where(epochs.c.diagnostics.is_not(None))
    return pd.read_sql(query.order_by(epochs.c.trial_id, epochs.c.epoch), connection)


def _networks(connection: Connection) -> pd.DataFrame:
    names = ("id", "name", "family", "parameters", "flops", "digest", "flagged")
    query = sa.select(*(architectures.c[name] for name in names), sources.c.text).join(sources)
    found = pd.read_sql(query, connection)
    found["pretrained"] = [bool(_PRETRAINED.search(bytes(text))) for text in found.pop("text")]
    marked = set(connection.execute(sa.select(redundant.c.architecture_id)).scalars())
    found["duplicate"] = found.pop("id").isin(marked)
    found["flagged"] = found["flagged"].notna()
    found[["parameters", "flops"]] = found[["parameters", "flops"]].astype(float)
    return found.rename(columns={"name": "nn"}).set_index("nn")


def summarise(histories: pd.DataFrame, sign: pd.Series) -> pd.DataFrame:
    """Per trial, what its epochs come to: see `Material.trials`.

    Args:
        histories: trial, epoch, score, seconds; sorted by trial and epoch.
        sign: By trial: 1 where a higher score is better, -1 where a lower one is. Trials without
            one do not count.
    """
    histories = histories[histories["trial"].isin(sign.index)]
    gain = histories["score"] * histories["trial"].map(sign)
    by_trial = histories.groupby("trial")
    summary = by_trial.agg(
        epochs=("epoch", "size"),
        last_epoch=("epoch", "last"),
        final=("score", "last"),
        seconds=("seconds", "sum"),
        timed=("seconds", "count"),
        epoch_seconds=("seconds", "mean"),
    )
    best = histories.loc[gain.groupby(histories["trial"]).idxmax()].set_index("trial")
    summary["best"], summary["best_epoch"] = best["score"], best["epoch"]
    first = histories[histories["epoch"] == 1]
    summary["first"] = first.set_index("trial")["score"]
    unknown = summary.pop("timed") < summary["epochs"]
    summary.loc[unknown, "seconds"] = np.nan
    return summary


def label_benchmarks(found: pd.DataFrame) -> pd.Series:
    """The data set's name, with the metric where it is scored by several."""
    pairs = found[BENCHMARK].drop_duplicates()
    several = pairs.groupby("dataset").size() > 1
    qualified = found["dataset"] + " (" + found["metric"] + ")"
    return found["dataset"].where(~found["dataset"].map(several).astype(bool), qualified)


def other_hyperparameters(found: pd.DataFrame) -> pd.DataFrame:
    """The numbers in `prm`, a column per hyperparameter; NaN where a trial has none."""
    texts = pd.Series(found["prm"].unique())
    parsed = pd.DataFrame([_numbers(text) for text in texts], index=texts, dtype=float)
    return parsed.reindex(found["prm"]).set_index(found.index)


def _numbers(text: str) -> dict[str, float]:
    values = codec.told(text).items()
    return {
        key: float(value)
        for key, value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
