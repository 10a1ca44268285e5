"""Proposed transforms: table 10, the effect of length, and which operations help."""

from itertools import count

import numpy as np
import pytest

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch, Outcome, TrialResult
from lemur2.statistics import load
from lemur2.statistics.sections.transforms import Transforms
from lemur2.statistics.transforms import arity_effect, by_configuration, by_operation, tried

GOOD, BAD, PLAIN = "RandomCrop", "RandomInvert", "Pad"


def trial(transform, score, verdict=Verdict.OK):
    epochs = (Epoch(epoch=1, score=score, loss=None, seconds=1.0, memory=1),)
    return TrialResult(
        task="img-classification",
        dataset="digits",
        metric="acc",
        transform=transform,
        hyperparameters={"lr": 0.01, "batch": 64},
        seed=0,
        verdict=verdict,
        epochs=epochs if verdict is Verdict.OK else (),
    )


class Grown:
    """A corpus with one network and whatever transforms a test needs."""

    def __init__(self, corpus):
        self.corpus, self.numbers, self.random = corpus, count(), np.random.default_rng(0)
        corpus.add_architecture(name="ResNet8", source="net", digest="n")
        self.run = corpus.start_run(
            verb="grow",
            generator="transforms",
            config={},
            seed=0,
            protocol={},
            limits={},
            total=None,
            environment={},
        )

    def propose(self, operations, score=None, generator="transforms"):
        """One that scored; without a score one that was refused."""
        number = next(self.numbers)
        parameters = {"operations": operations, "arity": len(operations)}
        candidate = Candidate(
            source=f"# {number}",
            kind="transform",
            generator=generator,
            parents=("ResNet8",),
            parameters=parameters if generator == "transforms" else {"prompting": "role"},
        )
        name = f"t-{number}"
        asked = [(candidate, name, f"d{number}")]
        (index,) = self.corpus.advance(self.run, told=0, state=None, asked=asked)
        outcome = Outcome(
            candidate=candidate,
            name=name,
            digest=f"d{number}",
            verdict=Verdict.SHAPE if score is None else Verdict.OK,
            trial=None if score is None else trial(name, score),
        )
        self.corpus.record(self.run, index, outcome)

    def given(self, score):
        """A trial under a transform that nobody proposed."""
        opened = self.corpus.begin_trial(
            "ResNet8",
            task="img-classification",
            dataset="digits",
            metric="acc",
            transform="norm_32",
            hyperparameters={"lr": 0.01, "batch": 64},
            seed=0,
            environment={},
        )
        epoch = Epoch(epoch=1, score=score, loss=None, seconds=1.0, memory=1)
        self.corpus.add_epoch(opened, epoch)
        self.corpus.finish_trial(opened, Verdict.OK)

    def many(self):
        for length in (1, 2, 3):
            for _ in range(30):
                names = list(self.random.choice([GOOD, BAD, PLAIN], length))
                effect = 0.1 * names.count(GOOD) - 0.1 * names.count(BAD)
                noise = float(self.random.normal(0, 0.02))
                self.propose(names, 0.6 - 0.08 * length + effect / length + noise)


@pytest.fixture
def grown(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        yield Grown(corpus)


def test_means_are_over_what_scored_and_failures_are_counted(grown):
    grown.propose([PLAIN], 0.4)
    grown.propose([PLAIN], 0.6)
    grown.propose([PLAIN])
    grown.propose([], 0.7, generator="prompted-transforms")
    material = load(grown.corpus)
    table = by_configuration(tried(material), material.proposed_transforms)
    table = table.set_index("configuration")
    assert table.loc["1 operation", ["tried", "mean", "best", "refused"]].tolist() == [
        2, 0.5, 0.6, 1
    ]  # fmt: skip
    assert table.loc["prompted", "tried"] == 1
    low, high = table.loc["1 operation", ["low", "high"]]
    assert (low + high) / 2 == pytest.approx(0.5)


def test_the_best_that_was_there_before_is_the_threshold(grown):
    grown.given(0.5)
    grown.given(0.55)
    for score in (0.5, 0.6, 0.7):
        grown.propose([PLAIN], score)
    found = tried(load(grown.corpus)).sort_values("score")
    assert found["threshold"].tolist() == [0.55] * 3
    assert found["kept"].tolist() == [False, True, True]


def test_without_a_transform_from_before_nothing_is_said_to_be_kept(grown):
    grown.propose([PLAIN], 0.9)
    found = tried(load(grown.corpus))
    assert found["threshold"].isna().all()
    assert found["kept"].isna().all()


def test_a_planted_effect_of_length_is_found(grown):
    grown.many()
    effect = arity_effect(tried(load(grown.corpus))).set_index(["fewer", "more"])
    for pair, true in (((1, 2), 0.08), ((2, 3), 0.08), ((1, 3), 0.16)):
        row = effect.loc[pair]
        assert row["low"] < true < row["high"]
        assert row["low"] < row["difference"] < row["high"]
    assert effect.loc[(1, 3), "p"] < 1e-4


def test_operations_are_ranked_by_what_they_add(grown):
    grown.many()
    table = by_operation(tried(load(grown.corpus)))
    assert list(table["operation"]) == [GOOD, PLAIN, BAD]
    ranked = table.set_index("operation")
    assert ranked.loc[GOOD, "low"] > 0 > ranked.loc[BAD, "high"]


def test_the_section_shows_both_and_says_where_there_is_none(grown):
    empty = Transforms().build(load(grown.corpus))
    assert not empty.tables
    assert "lemur2 grow transforms" in empty.text[0]
    grown.many()
    part = Transforms().build(load(grown.corpus))
    assert part.tables[0].name == "transforms"
    assert "1 against 2" in " ".join(part.text)
    for picture in part.pictures:
        assert picture.draw().axes
