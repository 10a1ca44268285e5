"""Genetic search: its spaces, its files, what it proposes, and what it does with what it hears."""

import json
from dataclasses import replace

import numpy as np
import pytest
from driving import OnSandbox, screen
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Architecture, Verdict
from lemur2.corpus import Epoch, Outcome, TrialResult
from lemur2.corpus.pool import KnownTrial, Terms
from lemur2.errors import UsageError
from lemur2.evaluation import Limits
from lemur2.evaluation.workers import CandidateSandbox
from lemur2.generators.genetic import BASIC, BLOCK, Design, GeneticConfig, GeneticGenerator
from lemur2.generators.genetic.evolution import Aging, Generations
from lemur2.generators.genetic.operators import Operators
from lemur2.generators.genetic.space import Gene, Space
from lemur2.generators.genetic.template import write_source
from lemur2.tasks import task


def vectors(space):
    sizes = st.tuples(*(st.integers(0, size - 1) for size in space.sizes))
    return sizes.filter(space.is_sound)


SPACES = st.sampled_from([BASIC, BLOCK])
POINTS = SPACES.flatmap(lambda space: st.tuples(st.just(space), vectors(space)))


# -- the spaces ------------------------------------------------------------------------------------


@settings(deadline=None)
@given(POINTS, st.integers(28, 300), st.sampled_from([1 / 16, 0.25, 1.0]))
def test_no_feature_map_vanishes(point, side, scale):
    space, vector = point
    design = Design.of(space.values(vector), scale)
    sides = list(design.sides(side))
    assert min(sides) >= 1
    assert sides == sorted(sides, reverse=True)
    assert design.grid(side) <= sides[-1]


@settings(deadline=None)
@given(POINTS)
def test_what_is_dormant_changes_nothing(point):
    space, vector = point
    expressed = space.expressed(vector)
    assert space.expressed(expressed) == expressed
    sources = [
        write_source(Design.of(space.values(each)), space.name) for each in (vector, expressed)
    ]
    assert sources[0] == sources[1]


@settings(deadline=None)
@given(st.tuples(vectors(BLOCK), vectors(BLOCK)))
def test_networks_that_express_something_else_are_different_programs(pair):
    digests = [
        Architecture.parse(write_source(Design.of(BLOCK.values(v)), "block")).digest for v in pair
    ]
    same = BLOCK.expressed(pair[0]) == BLOCK.expressed(pair[1])
    assert (digests[0] == digests[1]) == same


def test_the_baseline_is_alexnet():
    design = Design.of(BASIC.values(BASIC.baseline))
    assert [block.filters for block in design.blocks] == [64, 192, 384, 256, 256]
    assert [block.kernel for block in design.blocks] == [11, 5, 3, 3, 3]
    assert design == Design.of(BLOCK.values(BLOCK.baseline))


def sample(count):
    """Vectors of both spaces, in which every value of every gene occurs."""
    rng = np.random.default_rng(0)
    for space in (BASIC, BLOCK):
        rows = [rng.permutation(np.arange(count) % size) for size in space.sizes]
        yield from ((space, v) for v in zip(*np.array(rows).tolist(), strict=True))


def test_a_sample_builds_and_counts_as_foretold_in_the_sandbox():
    limits = Limits()
    kind = task("img-classification")
    with CandidateSandbox(limits) as sandbox:
        evaluator = OnSandbox(sandbox)
        for space, vector in sample(6):
            if not space.is_sound(vector):
                continue
            design = Design.of(space.values(vector), 0.125)
            facts = screen(evaluator, write_source(design, space.name), kind)
            assert facts.input_size == 32
            assert facts.parameters == design.parameters(3, 32, facts.outputs[0])


# -- operators -------------------------------------------------------------------------------------


def operators(space, **changes):
    return Operators(space, **{"crossover": 0.8, "mutation": 0.1, "tournament": 2, **changes})


@settings(deadline=None)
@given(POINTS, st.integers(0, 2**32 - 1))
def test_a_mutant_is_another_network_of_the_space(point, seed):
    space, vector = point
    mutant = operators(space).mutate(vector, np.random.default_rng(seed))
    assert space.is_sound(mutant)
    assert all(0 <= i < size for i, size in zip(mutant, space.sizes, strict=True))
    assert space.expressed(mutant) != space.expressed(vector)


@settings(deadline=None)
@given(vectors(BLOCK), vectors(BLOCK), st.integers(0, 2**32 - 1))
def test_a_child_has_every_gene_from_a_parent(one, other, seed):
    child = operators(BLOCK).cross(one, other, np.random.default_rng(seed))
    assert all(c in (a, b) for c, a, b in zip(child, one, other, strict=True))


def test_a_larger_tournament_presses_harder():
    rng = np.random.default_rng(0)
    means = [
        np.mean(operators(BASIC, tournament=size).parents(20, 2000, rng)) for size in (1, 2, 8)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] == pytest.approx(9.5, abs=0.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_no_survivor_is_dominated_by_one_that_died(costs):
    keep = max(1, len(costs) // 2)
    kept = operators(BASIC).ranked(costs, keep)
    assert len(kept) == len(set(kept)) == keep
    dead = [costs[i] for i in range(len(costs)) if i not in kept]
    for place in kept:
        for other in dead:
            assert not (other != costs[place] and all(np.array(other) <= np.array(costs[place])))


# -- the search engine -----------------------------------------------------------------------------

HILL = Space(
    name="hill",
    genes=tuple(Gene(name=f"g{i}", values=tuple(range(9)), baseline=0) for i in range(8)),
)
TINY = Space(
    name="tiny", genes=tuple(Gene(name=f"g{i}", values=(0, 1, 2), baseline=0) for i in range(3))
)


def climb(evolution, count, height=sum, delay=0):
    """Heights in the order of proposing; outcomes are heard `delay` proposals late."""
    found, late = [], []
    while len(found) < count:
        individual = evolution.propose()
        if individual is None and not late:
            break
        if individual is not None:
            found.append(height(individual.vector))
            late.append(individual)
        if individual is None or len(late) > delay:
            heard = late.pop(0)
            evolution.hear(heard.number, (-float(height(heard.vector)),))
    return found


KINDS = [Generations, Aging]


def engine(kind, space=HILL, seed=0, population=10, **changes):
    return kind(space, operators(space), seed=seed, population=population, **changes)


@pytest.mark.parametrize("kind", KINDS)
def test_it_climbs_higher_than_chance(kind):
    best = [max(climb(engine(kind, seed=seed), 300)) for seed in range(5)]
    rng = np.random.default_rng(0)
    chance = [max(rng.integers(9, size=(300, 8)).sum(axis=1)) for _ in range(5)]
    assert np.mean(best) > max(chance)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_population_reaches_from_the_baseline_to_all_of_the_space(kind):
    first = [engine(kind, seed=seed) for seed in range(30)]
    changed = np.array([[np.count_nonzero(e.propose().vector) for _ in range(10)] for e in first])
    assert (changed[:, 0] == 0).all()
    assert changed[:, 1].mean() < 2 < changed[:, 6].mean() < 6
    assert changed[:, 9].mean() > 6.5  # of 8 genes drawn evenly from 9 values, 7.1 differ
    assert len({tuple(row) for row in changed}) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_tried_twice_and_a_small_space_is_exhausted(kind):
    evolution = engine(kind, TINY)
    found = climb(evolution, 1000, height=lambda v: 9 * v[0] + 3 * v[1] + v[2])
    assert len(found) == len(set(found))
    assert len(found) > 24  # of 27: the last ones may not come up by chance
    assert evolution.propose() is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_has_no_children_and_no_cost(kind):
    evolution = engine(kind)
    for _ in range(200):
        individual = evolution.propose()
        even = sum(individual.vector) % 2 == 0
        evolution.hear(individual.number, (-float(sum(individual.vector)),) if even else None)
        assert all(sum(each.vector) % 2 == 0 for each in evolution.living)
    assert evolution.living


@pytest.mark.parametrize("kind", KINDS)
@given(cut=st.integers(0, 60), delay=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_it_continues_from_its_state_with_the_same_population(kind, cut, delay):
    whole, resumed = engine(kind), engine(kind)
    climb(whole, cut, delay=delay)
    outstanding = list(whole.asked.values())
    resumed.load_state(json.loads(json.dumps(whole.state())))
    for evolution in (whole, resumed):
        for each in outstanding:
            evolution.hear(each.number, (-float(sum(each.vector)),))
        climb(evolution, 60)
    assert whole.living == resumed.living
    assert whole.state() == resumed.state()


def test_the_order_within_a_generation_changes_nothing():
    forward, backward = engine(Generations), engine(Generations)
    for evolution, step in ((forward, 1), (backward, -1)):
        for _ in range(5):
            asked = []
            while (individual := evolution.propose()) is not None:
                asked.append(individual)
            for each in asked[::step]:
                evolution.hear(each.number, (-float(sum(each.vector)),))
    forward.propose(), backward.propose()
    assert forward.living == backward.living


def test_aging_waits_for_nobody():
    evolution = engine(Aging)
    slow = evolution.propose()
    found = climb(evolution, 100)
    assert len(found) == 100
    evolution.hear(slow.number, (-1000.0,))
    assert evolution.living[-1].number == slow.number


def test_the_oldest_die_first():
    evolution = engine(Aging)
    climb(evolution, 100)
    assert [each.number for each in evolution.living] == list(range(90, 100))


def test_elites_of_none_replaces_the_whole_population():
    evolution = engine(Generations, elites=0)
    climb(evolution, 100)
    evolution.propose()
    assert len({each.generation for each in evolution.living}) == 1


def test_what_is_known_is_not_proposed_and_counts():
    known = {BASIC.expressed(BASIC.baseline): (-1.0,)}
    evolution = engine(
        Generations, BASIC, known=lambda each: known.get(BASIC.expressed(each.vector))
    )
    found = climb(evolution, 30, height=lambda vector: -sum(vector))
    assert len(found) == 30
    assert evolution.living[0].vector == BASIC.baseline
    assert evolution.living[0].costs == (-1.0,)


def test_the_better_third_gets_more_epochs():
    evolution = engine(Generations, population=9, rungs=3)
    rungs = []
    for _ in range(13):
        individual = evolution.propose()
        rungs.append(individual.rung)
        evolution.hear(individual.number, (-float(sum(individual.vector)),))
    assert rungs == [0] * 9 + [1] * 3 + [2]
    assert evolution.propose().generation == 1
    assert evolution.living[0].rung == 2


# -- the generator ---------------------------------------------------------------------------------


def told(candidate, score=0.5, **changes):
    architecture = Architecture.parse(candidate.source, prefix=candidate.prefix)
    trial = TrialResult(
        task="img-classification",
        dataset="mnist-5k",
        metric="acc",
        transform="norm",
        hyperparameters=candidate.training["hyperparameters"],
        seed=0,
        verdict=Verdict.OK,
        epochs=(Epoch(epoch=1, score=score, loss=1.0, seconds=1.0, memory=1),),
    )
    outcome = Outcome(
        candidate=candidate,
        name=architecture.name,
        digest=architecture.digest,
        verdict=Verdict.OK,
        trial=trial,
    )
    return replace(outcome, **changes)


def test_a_candidate_says_all_of_itself():
    generator = GeneticGenerator(GeneticConfig(), 0)
    first, *others = generator.ask(5)
    assert first.prefix == "ga"
    assert BLOCK.vector(first.parameters) == BLOCK.baseline
    assert first.training == {"hyperparameters": {"lr": 0.01, "momentum": 0.9, "dropout": 0.5}}
    assert len({each.source for each in others}) == 4


def test_children_name_their_parents():
    generator = GeneticGenerator(GeneticConfig(population=4), 0)
    first = list(generator.ask(10))
    assert len(first) == 4
    names = {Architecture.parse(each.source, prefix="ga").name for each in first}
    generator.tell([told(each) for each in first])
    for child in generator.ask(4):
        assert child.parents
        assert set(child.parents) <= names


def test_rungs_are_epochs():
    generator = GeneticGenerator(GeneticConfig(population=3, rungs=(1, 4)), 0)
    first = list(generator.ask(3))
    generator.tell([told(each, score=s) for each, s in zip(first, (0.1, 0.9, 0.2), strict=True)])
    (again,) = generator.ask(1)
    assert again.source == first[1].source
    assert [each.training["epochs"] for each in (first[0], again)] == [1, 4]


class Knowing:
    """A pool that knows the first 49 networks, better the larger their learning rate."""

    terms = Terms(metric="acc", transform="norm")

    def __init__(self):
        self.scores = []

    def known(self, digest, *, hyperparameters, epochs=None):
        if len(self.scores) == 49:
            return None
        self.scores.append(hyperparameters["lr"])
        return KnownTrial(nn="x", score=self.scores[-1], seconds=1.0, parameters=1, flops=1)


def test_known_fitness_is_taken_without_training():
    generator = GeneticGenerator(GeneticConfig(population=10), 0)
    pool = Knowing()
    generator.meet(pool)
    (candidate,) = generator.ask(1)
    assert candidate.parameters["individual"] == 49
    assert generator.evolution.living[0].costs == (-max(pool.scores[:40]),)


def test_budgets_hold():
    config = GeneticConfig(max_multiplications=20_000_000, scale=0.5)
    for candidate in GeneticGenerator(config, 0).ask(20):
        design = Design.of(BLOCK.values(BLOCK.vector(candidate.parameters)), 0.5)
        assert design.multiplications(3, 32, 10) <= 20_000_000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"space": "cube"}, "no space 'cube'"),
        ({"mode": "slow"}, "mode must be"),
        ({"objectives": ("flops",)}, "objectives are score"),
        ({"objectives": ("score", "beauty")}, "objectives are score"),
        ({"rungs": (3, 1)}, "rungs must be rising"),
        ({"mode": "aging", "rungs": (1, 3)}, "--mode generations only"),
        ({"population": 0}, "population must be at least 1"),
        ({"elites": 21}, "elites must be"),
        ({"mutation": 1.5}, "mutation must be"),
        ({"scale": 0.01}, "scale must be"),
    ],
)
def test_a_wrong_config_is_one_clear_line(wrong, said):
    with pytest.raises(UsageError, match=said):
        GeneticConfig(**wrong)
