"""What a search proposes: a function of the seed and of the trials so far."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Verdict
from lemur2.corpus import Epoch, TrialResult
from lemur2.errors import UsageError
from lemur2.loop.space import Space, completed, propose

SPACE = Space(
    declared={"lr", "momentum", "dropout", "growth"},
    batches=(10, 100),
    transforms=("norm_32", "echo_32"),
)
EPOCHS = 3


def trial(prm, score, verdict=Verdict.OK, epochs=EPOCHS):
    rows = [
        Epoch(epoch=n, score=score * n / EPOCHS, loss=1.0, seconds=1.0, memory=1)
        for n in range(1, epochs + 1)
    ]
    return TrialResult(
        task="img-classification",
        dataset="digits",
        metric="acc",
        transform=prm.get("transform", "norm_32"),
        hyperparameters={**prm, "epoch": EPOCHS},
        seed=0,
        verdict=verdict,
        epochs=tuple(rows),
    )


def score_of(prm):
    """Best at lr 0.01 and small dropout."""
    return 1 / (1 + abs(math.log10(prm["lr"]) + 2)) - prm["dropout"] / 4


def searched(seed, count, space=SPACE, prune=None):
    history = []
    for _ in range(count):
        prm = proposed(seed, history, space, prune).hyperparameters
        history.append(trial(prm, score_of(prm)))
    return history


def proposed(seed, history, space=SPACE, prune=None):
    return propose(space, history, seed=seed, epochs=EPOCHS, higher_is_better=True, prune=prune)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 12))
def test_a_proposal_is_in_range_and_depends_on_what_went_before_alone(seed, count):
    history = searched(seed, count)
    prm = proposed(seed, history).hyperparameters
    assert prm == proposed(seed, searched(seed, count)).hyperparameters
    assert set(prm) == {"lr", "momentum", "dropout", "growth", "batch", "transform"}
    assert 1e-5 <= prm["lr"] <= 1
    assert 0 <= prm["momentum"] <= 1
    assert 0 <= prm["dropout"] <= 0.5
    assert 0 <= prm["growth"] <= 1
    assert prm["batch"] in (16, 32, 64)
    assert prm["transform"] in SPACE.transforms


def test_seeds_and_numbers_differ():
    first = proposed(0, []).hyperparameters
    assert proposed(1, []).hyperparameters != first
    assert proposed(0, [trial(first, 0.5)]).hyperparameters != first


def test_what_is_fixed_is_not_searched():
    space = replace(SPACE, fixed={"lr": 0.1, "batch": 7}, transforms=("norm_32",))
    assert set(space.distributions) == {"momentum", "dropout", "growth"}
    prm = proposed(0, [], space).hyperparameters
    assert (prm["lr"], prm["batch"]) == (0.1, 7)
    assert "transform" not in prm


def test_it_learns_from_the_scores():
    history = searched(3, 40)
    early, late = history[:10], history[-10:]
    assert sum(score_of(t.hyperparameters) for t in late) > sum(
        score_of(t.hyperparameters) for t in early
    )


def test_it_keeps_away_from_where_trials_fail():
    """Every large learning rate diverges, the others are all the same: few large ones follow."""
    history = []
    for _ in range(40):
        prm = proposed(1, history).hyperparameters
        large = prm["lr"] > 0.01
        history.append(
            trial(prm, 0.5, Verdict.DIVERGED if large else Verdict.OK, 0 if large else 3)
        )
    large = [t.verdict is Verdict.DIVERGED for t in history]
    assert sum(large[:10]) >= 3
    assert sum(large[-20:]) <= 3


def test_pruning():
    good = [trial(proposed(seed, []).hyperparameters, 0.9) for seed in range(6)]
    assert not proposed(0, good).hopeless(1, 0.01)
    pruned = proposed(0, good, prune="median")
    assert pruned.hopeless(1, 0.01)
    assert not proposed(0, good, prune="median").hopeless(1, 0.8)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (trial({}, 0.5), True),
        (trial({}, 0.5, epochs=2), False),
        (trial({}, 0.5, Verdict.TIMEOUT), False),
        (trial({}, math.nan), False),
        (trial({}, 0.5, epochs=0), False),
    ],
)
def test_only_a_trial_that_ended_in_full_counts(result, expected):
    assert completed(result, EPOCHS) is expected


@pytest.mark.parametrize("batches", [(17, 31), (64, 16), (0, 8)])
def test_no_power_of_two(batches):
    with pytest.raises(UsageError):
        Space(declared={"lr"}, batches=batches)
