"""Genetic search on real data: block against basic against random search; and its own cost."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from lemur2.corpus import Corpus
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.generators.genetic import GeneticConfig, GeneticGenerator
from lemur2.loop import Settings, grow, same_run, start_run
from lemur2.loop.champion import best, crown

DATASET, SEEDS, SCALE = "mnist-5k", 3, 0.125
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


def real(place: Path, evaluations: int) -> None:
    """Run all arms, seed after seed, in a corpus each; crown the champions; print what came."""
    place.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[tuple[float, float]]] = {arm: [] for arm in arms()}
    with LocalEngine(Limits(), workers=1) as engine:
        for seed in range(SEEDS):
            for arm, config in arms().items():
                file = place / f"{arm.replace(', ', '-')}-{seed}.db"
                scores = _champion(file, config, seed, evaluations, engine)
                found[arm].append(scores)
                print(f"seed {seed}, {arm}: {scores[0]:.4f}, test {scores[1]:.4f}", flush=True)
    print(
        f"{DATASET}, {evaluations} evaluations of 1 epoch, {SCALE} of AlexNet's channels, "
        f"{SEEDS} seeds: champion's accuracy, mean +- sd"
    )
    for arm, pairs in found.items():
        columns = zip(("validation", "test"), np.array(pairs).T, strict=True)
        shown = (f"{what} {c.mean():.4f} +- {c.std(ddof=1):.4f}" for what, c in columns)
        print(f"  {arm:<15} {', '.join(shown)}")


def _champion(
    file: Path, config: GeneticConfig, seed: int, evaluations: int, engine: LocalEngine
) -> tuple[float, float]:
    """One run, or the rest of it: its champion's validation and test score."""
    with Corpus.open(file, create=True) as corpus:
        generator = GeneticGenerator(config, seed)
        plan = Plan.of(Protocol(dataset=DATASET))
        settings = Settings(total=evaluations, window=POPULATION)
        run = same_run(corpus, generator, plan, settings)
        number = run.id if run else start_run(corpus, generator, plan, Limits(), settings)
        grow(corpus, number, generator, plan, engine)
        champion = best(corpus, number)
        training = crown(corpus, champion, plan, engine)
    assert training.result is not None
    assert training.result.test_score is not None
    assert champion.score is not None
    return champion.score, training.result.test_score


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
            settings = Settings(total=12)
            run = start_run(corpus, generator, plan, limits, settings)
            before = time.process_time()
            grow(corpus, run, generator, plan, engine)
            own = time.process_time() - before
        outcomes = corpus.outcomes(run).values()
    busy = sum(outcome.seconds for outcome in outcomes)
    trained = sum(epoch.seconds for o in outcomes if o.trial for epoch in o.trial.epochs)
    print(
        f"12 candidates at a quarter of AlexNet's channels: {busy:.1f} s in evaluation, of which "
        f"{trained:.1f} s in the networks' own training; the search's own process took {own:.2f} s "
        f"of CPU, {100 * own / (own + busy):.1f}% of both"
    )
