"""Routing figures against closed forms, and the report's section over stored diagnostics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.architecture import Verdict
from lemur2.corpus import Corpus, Epoch
from lemur2.statistics import load
from lemur2.statistics.routing import routing
from lemur2.statistics.sections.mixtures import Mixtures


def told(matrix):
    return routing({"routing": matrix})


def test_an_even_gate_is_used_in_full_and_specialises_in_nothing():
    found = told([[5.0] * 10] * 4)
    assert found.utilisation == pytest.approx(1)
    assert found.specialisation == pytest.approx(0, abs=1e-9)
    assert found.load.tolist() == [0.25] * 4


def test_a_collapsed_gate_is_used_for_nothing():
    found = told([[7, 9], [0, 0], [0, 0]])
    assert (found.utilisation, found.specialisation) == (0, 0)
    assert found.by_class.tolist() == [[1, 1], [0, 0], [0, 0]]


def test_an_expert_per_class_specialises_fully():
    found = told(np.eye(5).tolist())
    assert found.utilisation == found.specialisation == pytest.approx(1)


def test_figures_in_closed_form():
    """Two experts, two classes, 3/8 1/8 against 1/8 3/8: mutual information by hand."""
    found = told([[3, 1], [1, 3]])
    mutual = 2 * (3 / 8 * math.log(3 / 2) + 1 / 8 * math.log(1 / 2))
    assert found.specialisation == pytest.approx(mutual / math.log(2))
    assert found.by_class.tolist() == [[0.75, 0.25], [0.25, 0.75]]


weights = st.floats(0, 1e6, allow_nan=False)
matrices = st.integers(1, 5).flatmap(
    lambda classes: st.lists(
        st.lists(weights, min_size=classes, max_size=classes), min_size=2, max_size=6
    )
)


@given(matrices)
def test_figures_are_shares(matrix):
    found = told(matrix)
    if found is None:
        assert sum(map(sum, matrix)) == 0
        return
    assert found.load.sum() == pytest.approx(1)
    assert -1e-9 <= found.utilisation <= 1 + 1e-9
    assert -1e-6 <= found.specialisation <= 1 + 1e-6


@pytest.mark.parametrize(
    "diagnostics",
    [
        None,
        {},
        {"routing": 3},
        {"routing": [[1, 2]]},
        {"routing": [[1, 2], [3]]},
        {"routing": [[1, None], [2, 3]]},
        {"routing": [[-1, 1], [2, 3]]},
        {"routing": [[0, 0], [0, 0]]},
        {"routing": [[], []]},
        {"routing": [1, 2]},
    ],
)
def test_what_is_no_routing_is_none(diagnostics):
    assert routing(diagnostics) is None


@pytest.fixture
def corpus(tmp_path):
    """One mixture with three seeds that collapses, and a network that tells nothing."""
    with Corpus.open(tmp_path / "a.db", create=True) as corpus:
        for name in ("moe-1", "plain"):
            corpus.add_architecture(name=name, source=f"# {name}", digest=name)
            for seed in range(3):
                trial = corpus.begin_trial(
                    name,
                    task="img-classification",
                    dataset="digits",
                    metric="acc",
                    transform="norm",
                    hyperparameters={"lr": 0.1},
                    seed=seed,
                    environment={},
                )
                for epoch, first in enumerate((5.0, 8.0, 10.0), start=1):
                    matrix = [[first, first], [10 - first, 10 - first]]
                    corpus.add_epoch(
                        trial,
                        Epoch(
                            epoch=epoch,
                            score=0.5 + 0.1 * seed + 0.01 * (epoch == 2),
                            loss=1.0,
                            seconds=1.0,
                            memory=1,
                            diagnostics={"routing": matrix} if name == "moe-1" else None,
                        ),
                    )
                corpus.finish_trial(trial, Verdict.OK)
        yield corpus


def test_the_section_has_seeds_as_tables_5_to_7_and_routing_by_epoch(corpus):
    part = Mixtures().build(load(corpus))
    results, by_epoch = (table.frame for table in part.tables)
    assert results["nn"].tolist() == ["moe-1"]
    row = results.iloc[0]
    assert (row.trials, row.best_epoch, row.epochs) == (3, 2, 3)
    assert row.mean_final == pytest.approx(0.6)
    assert row.deviation == pytest.approx(0.1)
    assert row.mean_best == pytest.approx(0.61)
    assert row.best == pytest.approx(0.71)
    entropy = by_epoch[by_epoch["trial"] == by_epoch["trial"].min()]["utilisation"]
    assert entropy.tolist() == pytest.approx([1, 0.721928, 0], abs=1e-6)
    assert [picture.name for picture in part.pictures] == ["routing-digits", "experts-digits"]
    for picture in part.pictures:
        assert picture.draw().axes


def test_a_corpus_without_mixtures_says_so(tmp_path):
    with Corpus.open(tmp_path / "b.db", create=True) as corpus:
        part = Mixtures().build(load(corpus))
    assert part.text
    assert not part.pictures
