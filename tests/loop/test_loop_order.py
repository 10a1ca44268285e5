"""The loop's readers of scores, with a metric that is one to be low."""

import json
import math
import random
from dataclasses import replace

import pytest
from click.testing import CliRunner
from test_grow import Climber, ClimberConfig, InstantEngine, _Waiter
from test_space import SPACE, score_of, trial

import lemur2
from lemur2.architecture import zoo_source
from lemur2.cli import main
from lemur2.corpus import Corpus
from lemur2.corpus.pool import Pool
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.loop import Settings, grow, start_run
from lemur2.loop.champion import best, front
from lemur2.loop.search import Settings as SearchSettings
from lemur2.loop.search import Study
from lemur2.loop.sources import find
from lemur2.loop.space import propose
from lemur2.loop.training import Trainer
from lemur2.tasks import ImageClassification


@pytest.fixture(scope="module")
def plan(error_rate):
    """Digits, scored by the error rate, as a task that lists the metric has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageClassification, "metrics", ("acc", error_rate))
        yield Plan.of(Protocol(dataset="digits", metric=error_rate, epochs=2, seed=5))


@pytest.fixture
def corpus(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as opened:
        yield opened


def _grown(corpus, plan):
    """A run of the climber, whose scores now are errors; its number and its progress."""
    generator, steps = Climber(ClimberConfig(), 1), []
    run = start_run(corpus, generator, plan, Limits(), Settings(total=20, window=5))
    engine = _Waiter(InstantEngine(random.Random(0)))
    grow(corpus, run, generator, plan, engine, steps.append)
    return run, steps


def test_the_champion_has_the_lowest_error(corpus, plan):
    run, steps = _grown(corpus, plan)
    outcomes = corpus.outcomes(run).values()
    scores = [outcome.score for outcome in outcomes if outcome.score is not None]
    assert len(set(scores)) > 3
    assert best(corpus, run).score == steps[-1].best.score == min(scores)
    kept = front(corpus, run, ["parameters"])
    assert kept[0].score == min(scores)
    assert [outcome.score for outcome in kept] == sorted(outcome.score for outcome in kept)
    least = min(o.facts.parameters for o in outcomes if o.score is not None)
    assert kept[-1].facts.parameters == least
    pool = Pool(corpus, task=plan.task.name)
    assert min(pool.members, key=pool.loss).score == min(scores)


def test_the_ledger_shows_the_lowest_error(corpus, plan):
    run, _ = _grown(corpus, plan)
    found = [outcome.score for outcome in corpus.outcomes(run).values()]
    lowest = min(score for score in found if score is not None)
    place = ("--db", corpus.database.place)
    listed = CliRunner().invoke(main, ["runs", "--json", *place])
    assert json.loads(listed.stdout)["score"] == lowest
    shown = CliRunner().invoke(main, ["runs", "show", str(run), *place])
    assert f"done, best {plan.metric} {lowest:.4f}" in shown.stdout


def _study(engine, corpus, plan):
    trainer = Trainer(engine, find("LeNet").network(), corpus=corpus)
    return Study(trainer, plan, SearchSettings(prune="median", fixed={"momentum": 0.9}))


def test_a_search_ends_with_the_lowest_error(engine, corpus, plan):
    found = _study(engine, corpus, plan).search(3)
    scores = [trial.result.score for trial in corpus.trials(run_id=found.run)]
    assert len(set(scores)) == 3
    assert found.result.score == min(scores)
    assert found.result.metric == plan.metric


def test_optuna_is_told_which_way_errors_go(engine, corpus, plan):
    """What it proposes after errors is what it proposes after the accuracies that they are of."""
    by_error = _study(engine, corpus, plan)
    by_accuracy = _study(engine, corpus, replace(plan, metric="acc"))
    assert (by_error.higher_is_better, by_accuracy.higher_is_better) == (False, True)
    accuracies, errors = [], []
    for _ in range(14):
        prm = _proposed(accuracies, True).hyperparameters
        accuracies.append(trial(prm, score_of(prm)))
        epochs = [replace(epoch, score=-epoch.score) for epoch in accuracies[-1].epochs]
        errors.append(replace(accuracies[-1], epochs=tuple(epochs)))
    assert _proposed(errors, False).hyperparameters == _proposed(accuracies, True).hyperparameters
    assert _proposed(errors, True).hyperparameters != _proposed(accuracies, True).hyperparameters
    assert _proposed(errors, False).hopeless(1, 1.0)
    assert not _proposed(errors, False).hopeless(1, -1.0)


def _proposed(history, higher_is_better):
    return propose(
        SPACE, history, seed=0, epochs=3, higher_is_better=higher_is_better, prune="median"
    )


def test_an_error_is_not_divided_by_time(engine, plan):
    prm = {"epoch": 1, "lr": 0.1}
    checked, other = (
        lemur2.check_nn(
            zoo_source("LeNet"),
            *("img-classification", "digits", name, prm),
            save_to_db=False,
            engine=engine,
        )
        for name in (plan.metric, "acc")
    )
    assert math.isclose(checked.accuracy, 1 - other.accuracy)
    assert checked.accuracy_to_time is None
    assert other.accuracy_to_time > 0
