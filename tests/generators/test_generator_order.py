"""Generators that build on the best, with a metric that is one to be low."""

import json
import random

import pytest

from lemur2.architecture import Architecture, Verdict, zoo_source
from lemur2.corpus import Corpus, Epoch, Outcome, TrialResult
from lemur2.corpus.pool import KnownTrial, Pool, Terms
from lemur2.errors import UserError
from lemur2.generators.experts import ExpertsConfig, ExpertsGenerator
from lemur2.generators.fewshot.examples import Examples
from lemur2.generators.genetic import GeneticConfig, GeneticGenerator
from lemur2.generators.mutation import MutationConfig, MutationGenerator

pytestmark = pytest.mark.usefixtures("error_rate")
TASK = "img-classification"
ERRORS = {"Bad": 0.9, "Good": 0.0, "Fair": 0.5, "Poor": 0.7}


@pytest.fixture(scope="module")
def pool(tmp_path_factory, error_rate):
    """Four networks of a family each, by their error; `Other` has none."""
    with Corpus.open(tmp_path_factory.mktemp("order") / "c.db", create=True) as corpus:
        for width, name in enumerate([*ERRORS, "Other"], start=3):
            source = (
                zoo_source("LeNet").replace("6, 5", f"{width}, 5").replace("6, 16", f"{width}, 16")
            )
            digest = Architecture.parse(source, name=name).digest
            corpus.add_architecture(name=name, source=source, digest=digest, family=name)
            if name in ERRORS:
                _train(corpus, name, ERRORS[name], error_rate)
        yield Pool(corpus, task=TASK, dataset="digits")


def _train(corpus, name, score, metric):
    trial = corpus.begin_trial(
        name,
        task=TASK,
        dataset="digits",
        metric=metric,
        transform="norm",
        hyperparameters={"lr": 0.01},
        seed=0,
        environment={},
    )
    corpus.add_epoch(trial, Epoch(epoch=1, score=score, loss=1.0, seconds=1.0, memory=1))
    corpus.finish_trial(trial, Verdict.OK)


def test_prompts_show_the_lowest_errors(pool):
    for seed in range(3):
        drawn = Examples(pool, "accuracy", 0.5).draw(2, random.Random(seed))
        assert {member.name for member in drawn} == {"Good", "Fair"}


@pytest.mark.usefixtures("shared_sandbox")
def test_parents_of_mutations_are_those_with_the_lowest_error(tmp_path, error_rate):
    """None of these can be a parent, and they are tried in order: the two best, and no others."""
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        for name, score in ERRORS.items():
            corpus.add_architecture(name=name, source=f"# {name}", digest=name, family=name)
            _train(corpus, name, score, error_rate)
        made = MutationGenerator(MutationConfig(best=2), 0)
        made.meet(Pool(corpus, task=TASK, dataset="digits"))
        assert made.ask(1) == []
        made.close()
    assert [*made.state()["dead"]] == ["Good", "Fair"]


def test_a_network_without_errors_is_one_with_a_score(pool):
    made = ExpertsGenerator(ExpertsConfig(scored=True, mixed=(4,)), 0)
    made.meet(pool)
    (mixture,) = made.ask(1)
    assert set(mixture.parents) == set(ERRORS)
    with pytest.raises(UserError, match="have 4 families to mix, 5 are needed"):
        ExpertsGenerator(ExpertsConfig(scored=True, mixed=(5,)), 0).meet(pool)


def _told(candidate, score, metric):
    trial = TrialResult(
        task=TASK,
        dataset="digits",
        metric=metric,
        transform="norm",
        hyperparameters={},
        seed=0,
        verdict=Verdict.OK,
        epochs=(Epoch(epoch=1, score=score, loss=1.0, seconds=1.0, memory=1),),
    )
    return Outcome(
        candidate=candidate, name=f"N{score}", digest=f"{score}", verdict=Verdict.OK, trial=trial
    )


@pytest.mark.parametrize(("metric", "costs"), [("error-rate", 0.125), ("acc", -0.75)])
def test_genetic_search_keeps_the_best(metric, costs):
    made = GeneticGenerator(GeneticConfig(population=4), 0)
    for candidate, score in zip(made.ask(4), (0.5, 0.125, 0.75, 0.25), strict=True):
        made.tell([_told(candidate, score, metric)])
    made.ask(1)
    living = json.loads(json.dumps(made.state()))["living"]
    assert living[0]["costs"] == [costs]
    assert [each["costs"] for each in living] == sorted(each["costs"] for each in living)


def test_genetic_search_takes_what_the_corpus_knows_as_an_error(error_rate):
    made = GeneticGenerator(GeneticConfig(population=10), 0)
    made.meet(Knowing(error_rate))
    made.ask(1)
    costs = [each["costs"] for each in made.state()["living"]]
    assert costs == sorted(costs)
    assert costs[0] == (0.25,)


class Knowing:
    """A pool that knows the first 49 networks, each with a lower error than the one before."""

    def __init__(self, metric):
        self.terms, self.left = Terms(metric=metric, transform="norm"), 49

    def known(self, digest, **training):
        self.left -= 1
        score = 0.25 + max(self.left - 9, 0) / 100
        known = KnownTrial(nn="x", score=score, seconds=1.0, parameters=1, flops=1)
        return known if self.left >= 0 else None
