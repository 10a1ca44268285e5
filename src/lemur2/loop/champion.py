"""A run's champion: the best by validation, trained again under the protocol and scored on test.

The test part is scored here and nowhere in the run, so nothing was selected by it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from lemur2.corpus import Corpus, Outcome
from lemur2.errors import UserError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.plan import Plan
from lemur2.loop.keeping import Keeper
from lemur2.loop.ranking import loss
from lemur2.loop.sources import find
from lemur2.loop.training import Trainer, Training, Watcher, train

COSTS = ("parameters", "flops", "seconds")


def best(corpus: Corpus, run: int) -> Outcome:
    """The outcome with the best validation score, the earliest of equals.

    Where candidates were trained for different numbers of epochs (successive halving), only those
    with the most are compared.

    Raises:
        UserError: Nothing in the run was trained.
    """
    scored = _scored(corpus, run)
    most = max(len(o.trial.epochs) for o in scored if o.trial)
    return min((o for o in scored if o.trial and len(o.trial.epochs) == most), key=loss)


def front(corpus: Corpus, run: int, costs: Sequence[str]) -> list[Outcome]:
    """The outcomes that no other beats in score and costs alike, the best score first.

    Args:
        corpus: Where the run is.
        run: Its number.
        costs: Of `parameters`, `flops`, `seconds` (of an epoch).

    Raises:
        UserError: Nothing in the run was trained.
    """
    points = [(outcome, _point(outcome, costs)) for outcome in _scored(corpus, run)]
    kept = [o for o, p in points if not any(_dominates(other, p) for _, other in points)]
    return sorted(kept, key=loss)


def crown(
    corpus: Corpus,
    outcome: Outcome,
    plan: Plan,
    engine: Engine,
    watcher: Watcher | None = None,
    keeper: Keeper | None = None,
) -> Training:
    """Train an outcome's network under a plan, with what it brings of hyperparameters; test it.

    Where the corpus has that very trial with its test score, that is taken. Epochs are the plan's.

    Args:
        corpus: Where the network is, and the trial is stored (as a run of `train`).
        outcome: Whose.
        plan: The protocol to test it under.
        engine: Where it runs; entered.
        watcher: Hears how it goes.
        keeper: Keeps its weights; none are kept without one.
    """
    given = outcome.candidate.training.get("hyperparameters", {})
    plan = replace(plan, protocol=plan.protocol.with_(hyperparameters=given))
    earlier = _earlier(corpus, outcome, plan)
    if earlier is not None:
        return earlier
    network = find(outcome.name, corpus).network()
    trainer = Trainer(engine, network, corpus=corpus, watcher=watcher, keeper=keeper)
    return train(trainer, plan, test=True)


def _earlier(corpus: Corpus, outcome: Outcome, plan: Plan) -> Training | None:
    started = time.monotonic()
    for run in reversed(corpus.runs()):
        same = run.verb == "train" and run.config.get("network") == outcome.name
        if not same or run.status != "finished" or run.protocol != vars(plan.protocol):
            continue
        for trial in corpus.trials(run_id=run.id):
            if trial.result.test_score is not None:
                return Training(
                    name=outcome.name,
                    verdict=trial.result.verdict,
                    reason=trial.result.reason,
                    facts=outcome.facts,
                    result=trial.result,
                    run=run.id,
                    seconds=time.monotonic() - started,
                )
    return None


def _scored(corpus: Corpus, run: int) -> list[Outcome]:
    outcomes = [found for _, found in sorted(corpus.outcomes(run).items())]
    scored = [outcome for outcome in outcomes if outcome.score is not None]
    if not scored:
        raise UserError(f"run {run} has no champion: nothing in it was trained and scored")
    return scored


def cost(outcome: Outcome, name: str) -> float | None:
    """A cost of an outcome (see `COSTS`); None where it is not known."""
    if name == "seconds":
        epochs = outcome.trial.epochs if outcome.trial else ()
        return sum(epoch.seconds for epoch in epochs) / len(epochs) if epochs else None
    return None if outcome.facts is None else getattr(outcome.facts, name)


def _point(outcome: Outcome, costs: Sequence[str]) -> tuple[float, ...]:
    known = (cost(outcome, name) for name in costs)
    return (loss(outcome), *(float("inf") if value is None else value for value in known))


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
