"""A surrogate of the published networks of genetic search, and the space that they come from.

Their files say in a comment which parameters made them; it is read with `ast.literal_eval` and
checked against the layers in the syntax tree. Accuracies are those of their trials.
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import GroupKFold

from lemur2.corpus import Corpus
from lemur2.corpus.query.table import data
from lemur2.generators.genetic.space import Gene, Space, Vector

ORDERED = (int, float)
ALEXNET = {
    **{"batch": 64, "transform": "norm"},
    **{"conv1_filters": 64, "conv1_kernel": 11, "conv1_stride": 4},
    **{"conv2_filters": 192, "conv2_kernel": 5, "conv3_filters": 384},
    **{"conv4_filters": 256, "conv5_filters": 256, "fc1_neurons": 4096, "fc2_neurons": 4096},
    **{"lr": 0.01, "momentum": 0.9, "dropout": 0.5, "activation_type": "ReLU", "use_batchnorm": 0},
    **{f"include_conv{n}": 1 for n in range(1, 6)},
    **{f"pooling_type{n}": "MaxPool2d" for n in range(1, 4)},
}
_COMMENT = re.compile(r"\{.*\}", re.DOTALL)


def chromosome(source: str) -> dict[str, Any]:
    """The parameters that a published file says it was made from."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = " ".join(t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT)
    found = _COMMENT.search(comments)
    assert found is not None, "no chromosome"
    values: dict[str, Any] = ast.literal_eval(found.group(0))
    return values


def convolutions(source: str) -> list[int]:
    """The filters of its convolutions, from the syntax tree."""
    calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    found = [
        (call.lineno, call.args[1].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "Conv2d"
        and isinstance(call.args[1], ast.Constant)
    ]
    return [filters for _, filters in sorted(found)]


def expected_convolutions(values: dict[str, Any]) -> list[int]:
    """The filters that its parameters ask for."""
    included = [n for n in range(1, 6) if values.get(f"include_conv{n}", 1)]
    return [values[f"conv{n}_filters"] for n in included]


def dormant(values: Any) -> frozenset[str]:
    """What belongs to a left-out block of the published block space."""
    left_out = [n for n in range(1, 6) if not values.get(f"include_conv{n}", 1)]
    pools = {1: 1, 2: 2, 5: 3}
    names = {f"conv{n}_{part}" for n in left_out for part in ("filters", "kernel", "stride")}
    return frozenset(names | {f"pooling_type{pools[n]}" for n in left_out if n in pools})


@dataclass
class Published:
    """One published family.

    Attributes:
        space: Every value that occurs; the baseline is AlexNet, which knows nothing of the data.
        networks: Their names, a row per trial.
        vectors: Likewise.
        accuracies: Likewise.
        agree: Files whose convolutions are those of their comment, of all.
    """

    space: Space
    networks: list[str]
    vectors: list[Vector]
    accuracies: np.ndarray
    agree: tuple[int, int]


def read(place: Path, family: str) -> Published:
    """The family's networks with their accuracy on cifar-10.

    `ga-mut`: a trial each, trained as the file says; the accuracy after its last epoch. `ga`: many
    trials of each network, trained otherwise than its file says; so what trained them (in steps)
    takes the place of the file's `lr`, `momentum` and `dropout`, with batch and transform, and the
    accuracy is that after the first epoch, which all have.
    """
    many = family == "ga"
    with Corpus.open(place, read_only=True) as corpus:
        rows = data(db=corpus, dataset="cifar-10", nn_prefixes=(f"{family}-",))
        rows = rows[rows["nn"].str.fullmatch(rf"{family}-\d+")]
        rows = (
            rows[rows["epoch"] == 1]
            if many
            else rows.sort_values("epoch").drop_duplicates("nn", keep="last")
        )
        sources = {name: corpus.source(name) or "" for name in rows["nn"].unique()}
    values = {name: chromosome(source) for name, source in sources.items()}
    agree = sum(convolutions(sources[n]) == expected_convolutions(values[n]) for n in values)
    found = [
        {**values[name], **(_trained(prm, transform) if many else {})}
        for name, prm, transform in zip(rows["nn"], rows["prm"], rows["transform"], strict=True)
    ]
    space = Space(name=family, genes=_genes(found), dormant=dormant, sound=_has_a_block)
    return Published(
        space=space,
        networks=list(rows["nn"]),
        vectors=[space.expressed(space.vector(each)) for each in found],
        accuracies=rows["accuracy"].to_numpy(),
        agree=(agree, len(values)),
    )


def _trained(prm: dict[str, Any], transform: str) -> dict[str, Any]:
    """How a trial was trained, in steps: half a decade of lr, tenths of momentum and dropout."""
    return {
        "lr": float(f"{10 ** (round(2 * math.log10(prm['lr'])) / 2):.2g}"),
        "momentum": round(prm["momentum"], 1),
        "dropout": round(prm["dropout"], 1),
        "batch": prm["batch"],
        "transform": transform,
    }


def _has_a_block(values: Any) -> bool:
    return any(values.get(f"include_conv{n}", 1) for n in range(1, 6))


def _genes(found: Sequence[dict[str, Any]]) -> tuple[Gene, ...]:
    genes = []
    for name in found[0]:
        values = [each[name] for each in found]
        genes.append(
            Gene(
                name=name,
                values=tuple(sorted(set(values), key=lambda v: (str(type(v)), v))),
                baseline=ALEXNET.get(name, values[0]),
                ordered=isinstance(values[0], ORDERED),
            )
        )
    return tuple(genes)


class Surrogate:
    """Predicts accuracy from vectors: a forest over ordered values and one column per category."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.forest = ExtraTreesRegressor(200, min_samples_leaf=2, random_state=0)

    def fit(self, vectors: Sequence[Vector], accuracies: np.ndarray) -> Surrogate:
        """Fit; itself."""
        self.forest.fit(self._columns(vectors), accuracies)
        return self

    def predict(self, vectors: Sequence[Vector]) -> np.ndarray:
        """Accuracies of what the vectors express."""
        return np.asarray(self.forest.predict(self._columns(vectors)))

    def _columns(self, vectors: Sequence[Vector]) -> np.ndarray:
        table = np.array([self.space.expressed(v) for v in vectors])
        columns = []
        for place, gene in enumerate(self.space.genes):
            if gene.ordered:
                columns.append(np.array(gene.values, dtype=float)[table[:, place]])
            else:
                columns += [(table[:, place] == i).astype(float) for i in range(len(gene.values))]
        return np.stack(columns, axis=1)


def held_out_correlation(published: Published, folds: int = 5) -> tuple[float, float]:
    """Spearman's rank correlation on held-out networks: mean and standard deviation over folds.

    Trials of one network are in one fold, and so are networks that express the same.
    """
    names = dict(zip(published.vectors, published.networks, strict=True))
    alone = len(set(published.networks)) == len(published.networks)
    keys = [names[vector] for vector in published.vectors] if alone else published.networks
    groups = np.unique(keys, return_inverse=True)[1]
    vectors = np.array(published.vectors)
    found = []
    for train, test in GroupKFold(folds).split(vectors, groups=groups):
        fitted = Surrogate(published.space).fit(
            [published.vectors[i] for i in train], published.accuracies[train]
        )
        predicted = fitted.predict([published.vectors[i] for i in test])
        found.append(spearmanr(predicted, published.accuracies[test]).statistic)
    return float(np.mean(found)), float(np.std(found, ddof=1))
