"""Genetic search in the real loop: known fitness, rungs, the champion, the report's figures."""

import pytest

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus
from lemur2.corpus.pool import Pool, Terms
from lemur2.errors import UserError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.generators.genetic import GeneticConfig, GeneticGenerator
from lemur2.loop import Settings, grow, start_run
from lemur2.loop.champion import best, crown, front
from lemur2.statistics import evolution, load

SMALL = {"scale": 0.0625, "population": 4, "max_multiplications": 500_000}
DATASET = "digits"


@pytest.fixture(scope="module")
def engine():
    with LocalEngine(Limits(), workers=2) as engine:
        yield engine


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset=DATASET))


@pytest.fixture
def corpus(tmp_path):
    with Corpus.open(tmp_path / "lemur2.db", create=True) as corpus:
        yield corpus


def run(corpus, engine, plan, total=8, seed=0, order="asked", **config):
    generator = GeneticGenerator(GeneticConfig(**{**SMALL, **config}), seed)
    settings = Settings(total=total, window=4, order=order)
    number = start_run(corpus, generator, plan, Limits(), settings)
    grow(corpus, number, generator, plan, engine)
    return number


def names(corpus, number):
    return [attempt.name for attempt in corpus.attempts(number)]


def test_what_the_corpus_knows_is_not_trained_again_and_counts(corpus, engine, plan):
    first = run(corpus, engine, plan)
    second = run(corpus, engine, plan)
    assert not set(names(corpus, first)) & set(names(corpus, second))
    assert {o.verdict for o in corpus.outcomes(second).values()} == {Verdict.OK}
    best_living = min(each["costs"][0] for each in corpus.run(second).state["living"])
    assert -best_living >= best(corpus, first).score
    parents = {name for a in corpus.attempts(second) for name in a.candidate.parents}
    assert parents & set(names(corpus, first))


def test_another_protocol_is_not_a_known_fitness(corpus, engine, plan):
    first = run(corpus, engine, plan, total=4)
    other = Plan.of(Protocol(dataset=DATASET, hyperparameters={"batch": 32}))
    second = run(corpus, engine, other, total=4)
    assert names(corpus, first) == names(corpus, second)
    assert {o.verdict for o in corpus.outcomes(second).values()} == {Verdict.OK}
    assert len(corpus.trials()) == 8


def test_a_candidate_is_trained_as_it_says_and_tried_again_for_longer(corpus, engine, plan):
    number = run(corpus, engine, plan, total=5, rungs=(1, 2), promoted=0.25)
    outcomes = [corpus.outcomes(number)[index] for index in range(5)]
    assert [len(o.trial.epochs) for o in outcomes] == [1, 1, 1, 1, 2]
    again = outcomes[4]
    assert again.name == max(outcomes[:4], key=lambda o: o.score).name
    for outcome in outcomes:
        for gene in ("lr", "momentum", "dropout"):
            assert outcome.trial.hyperparameters[gene] == outcome.candidate.parameters[gene]
    assert best(corpus, number) == again


def test_the_same_candidate_with_the_same_training_is_a_duplicate(corpus, engine, plan):
    class Twice(GeneticGenerator):
        def ask(self, limit):
            return list(super().ask(1)) * 2 if not self.evolution.born else []

        def tell(self, outcomes):
            pass

    generator = Twice(GeneticConfig(**SMALL), 0)
    number = start_run(corpus, generator, plan, Limits(), Settings(total=2))
    grow(corpus, number, generator, plan, engine)
    verdicts = [corpus.outcomes(number)[index].verdict for index in (0, 1)]
    assert verdicts == [Verdict.OK, Verdict.DUPLICATE]


def test_the_champion_is_tested_under_the_protocol_once(corpus, engine, plan):
    number = run(corpus, engine, plan, total=4)
    champion = best(corpus, number)
    assert all(o.score <= champion.score for o in corpus.outcomes(number).values())
    first = crown(corpus, champion, plan, engine)
    assert first.result.test_score is not None
    assert first.result.score == champion.score  # the same trial again, seed and all
    assert first.result.hyperparameters == champion.trial.hyperparameters
    again = crown(corpus, champion, plan, engine)
    assert (again.run, again.result) == (first.run, first.result)


def test_a_run_without_a_score_has_no_champion(corpus, engine, plan):
    generator = GeneticGenerator(GeneticConfig(**SMALL), 0)
    number = start_run(corpus, generator, plan, Limits(), Settings(total=1))
    with pytest.raises(UserError, match="nothing in it was trained"):
        best(corpus, number)


def test_several_objectives_end_in_a_front(corpus, engine, plan):
    number = run(corpus, engine, plan, total=12, objectives=("score", "parameters"))
    kept = front(corpus, number, ["parameters"])
    sizes = [outcome.facts.parameters for outcome in kept]
    assert kept[0].score == best(corpus, number).score
    assert sizes == sorted(sizes, reverse=True)
    for outcome in corpus.outcomes(number).values():
        better = [o for o in kept if o.score >= outcome.score]
        assert any(o.facts.parameters <= outcome.facts.parameters for o in better)


def test_told_as_they_finish(corpus, engine, plan):
    number = run(corpus, engine, plan, total=8, mode="aging", order="finished")
    told = [attempt.told for attempt in corpus.attempts(number)]
    assert sorted(told) == list(range(8))


def test_the_report_tells_of_generations_traits_and_coverage(corpus, engine, plan):
    run(corpus, engine, plan, total=8)
    found = load(corpus).evolved
    generations = evolution.by_generation(found)
    assert list(generations["n"]) == [4, 4]
    assert generations["best_so_far"].is_monotonic_increasing
    assert generations["best_so_far"].iloc[-1] == found["score"].max()
    champion = evolution.champion(found)
    traits = evolution.traits(champion["parameters"])
    assert champion["score"] == found["score"].max()
    assert (traits["changed"] == (traits["baseline"] != traits["champion"])).all()
    covered = evolution.coverage(found)
    assert (covered["tried"] <= covered["values"]).all()
    assert covered["expressed_by"].max() == 8


def test_a_pool_knows_trials_of_the_same_terms_only(corpus, engine, plan):
    number = run(corpus, engine, plan, total=1)
    outcome = corpus.outcomes(number)[0]
    candidate: Candidate = outcome.candidate
    own = candidate.training["hyperparameters"]
    given = plan.protocol.hyperparameters

    def known(own=own, epochs=None, dataset=DATASET, **changes):
        terms = {"metric": "acc", "transform": plan.transform, "hyperparameters": given, **changes}
        pool = Pool(corpus, task=plan.task.name, dataset=dataset, terms=Terms(**terms))
        return pool.known(outcome.digest, hyperparameters=own, epochs=epochs)

    found = known()
    assert (found.nn, found.score) == (outcome.name, outcome.score)
    assert found.parameters == outcome.facts.parameters
    assert known(own={**own, "lr": 0.5}) is None
    assert known(epochs=2) is None
    assert known(dataset="mnist-5k") is None
    assert known(transform="echo_32") is None
    assert known(metric="f1") is None
    assert known(seed=1) is None
    assert known(hyperparameters={**given, "batch": 32}) is None
