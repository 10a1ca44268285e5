"""Genetic search on real data: block against basic against random search; and its own cost."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from lemur2.corpus import Corpus
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engine import LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.generators.genetic import GeneticConfig, GeneticGenerator
from lemur2.loop import Settings, grow, same_run, start_run
from lemur2.loop.champion import best, crown

DATASET, EVALUATIONS, SEEDS, SCALE = "mnist-5k", 40, 3, 0.125
POPULATION = 8


def arms() -> dict[str, GeneticConfig]:
    """What is compared, at equal budgets. Random search is one generation of chance."""
    evolved = {"population": POPULATION, "scale": SCALE}
    random = {"scale": SCALE, "mode": "random"}
    return {
        "block, genetic": GeneticConfig(space="block", **evolved),
        "block, random": GeneticConfig(space="block", **random),
        "basic, genetic": GeneticConfig(space="basic", **evolved),
        "basic, random": GeneticConfig(space="basic", **random),
    }


def real(place: Path) -> None:
    """Run all arms and seeds in a corpus each, crown the champions, print what came of them."""
    limits = Limits()
    place.mkdir(parents=True, exist_ok=True)
    print(
        f"{DATASET}, {EVALUATIONS} evaluations of 1 epoch, {SCALE} of AlexNet's channels, "
        f"{SEEDS} seeds: champion's accuracy, mean +- sd (each)"
    )
    with LocalEngine(limits, workers=1) as engine:
        for arm, config in arms().items():
            scores, tests = [], []
            for seed in range(SEEDS):
                slug = arm.replace(", ", "-")
                with Corpus.open(place / f"{slug}-{seed}.db", create=True) as corpus:
                    generator = GeneticGenerator(config, seed)
                    plan = Plan.of(Protocol(dataset=DATASET, seed=0))
                    settings = Settings(total=EVALUATIONS, window=POPULATION)
                    run = same_run(corpus, generator, plan, settings)
                    number = run.id if run else start_run(corpus, generator, plan, limits, settings)
                    grow(corpus, number, generator, plan, engine)
                    champion = best(corpus, number)
                    training = crown(corpus, champion, plan, engine.evaluator)
                    scores.append(champion.score or 0.0)
                    assert training.result is not None
                    tests.append(training.result.test_score or 0.0)
            for what, found in (("validation", scores), ("test", tests)):
                each = ", ".join(f"{score:.4f}" for score in found)
                spread = np.std(found, ddof=1)
                print(f"  {arm:<15} {what:<11}{np.mean(found):.4f} +- {spread:.4f} ({each})")


def speed() -> None:
    """Candidates a second, and the share of a real run's time that is not training."""
    generator = GeneticGenerator(GeneticConfig(population=50, mode="aging"), 0)
    generator.ask(1)
    started = time.process_time()
    count = len(generator.ask(500))
    print(f"{count / (time.process_time() - started):,.0f} candidates proposed a second of CPU")
    with (
        tempfile.TemporaryDirectory() as folder,
        Corpus.open(Path(folder) / "speed.db", create=True) as corpus,
    ):
        limits, plan = Limits(), Plan.of(Protocol(dataset=DATASET))
        config = GeneticConfig(population=8, scale=0.25)
        generator = GeneticGenerator(config, 0)
        with LocalEngine(limits, workers=1) as engine:
            settings = Settings(total=24)
            run = start_run(corpus, generator, plan, limits, settings)
            before = time.process_time()
            grow(corpus, run, generator, plan, engine)
            own = time.process_time() - before
        outcomes = corpus.outcomes(run).values()
    busy = sum(outcome.seconds for outcome in outcomes)
    trained = sum(epoch.seconds for o in outcomes if o.trial for epoch in o.trial.epochs)
    print(
        f"24 candidates at a quarter of AlexNet's channels: {busy:.1f} s in evaluation, of which "
        f"{trained:.1f} s in the networks' own training; the search's own process took {own:.2f} s "
        f"of CPU, {100 * own / (own + busy):.1f}% of both"
    )
