"""`lemur2 quickstart`: from an empty folder to a corpus and a leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import (
    COUNT,
    SEED,
    LimitFlags,
    db_option,
    json_option,
    limit_options,
    wide_option,
)

if TYPE_CHECKING:
    from lemur2.corpus import Corpus
    from lemur2.evaluation import Protocol
    from lemur2.loop import Settings

DATASET = "mnist-5k"
# What trains in seconds on a CPU; larger networks of the zoo are screened and kept.
ZOO_FLOPS = 3e7
FRACTAL_MULTIPLICATIONS = 4_000_000
FRACTALS = 24


@click.command()
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of everything.")
@click.option("--workers", type=COUNT, help="Candidates at once.")
@limit_options
@wide_option
@json_option
@db_option
def quickstart(
    seed: int,
    workers: int | None,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> None:
    """A corpus from nothing on real data, in minutes on two cores.

    Seeds the corpus with the hand-written zoo, grows fractal networks on 5,000 MNIST images,
    trains what is small enough for two epochs each, and shows the funnel and a leaderboard. When
    it is interrupted, the same command goes on where it stopped.

    \b
    lemur2 quickstart
    lemur2 quickstart --db elsewhere.db --seed 1
    """
    from lemur2.architecture.zoo import zoo_names
    from lemur2.cli.reporting import leaderboard, summary
    from lemur2.corpus import Corpus
    from lemur2.datasets import dataset_class
    from lemur2.evaluation import Protocol
    from lemur2.generators.fractal.generator import FractalConfig
    from lemur2.generators.zoo import ZooConfig
    from lemur2.loop import Settings

    protocol = Protocol(dataset=DATASET, epochs=2, seed=seed).with_(hyperparameters={"batch": 16})
    task = dataset_class(DATASET).task
    fractal = FractalConfig(max_multiplications=FRACTAL_MULTIPLICATIONS)
    with Corpus.open(db, create=True) as corpus:
        step = _Step(corpus, protocol, limits, workers, as_json)
        step("zoo", ZooConfig(task=task), Settings(total=len(zoo_names(task)), max_flops=ZOO_FLOPS))
        step("fractal", fractal, Settings(total=FRACTALS))
        if not as_json:
            leaderboard(corpus, DATASET)
            summary(corpus)


class _Step:
    """One run of the quickstart: started, carried on, or done before."""

    def __init__(
        self,
        corpus: Corpus,
        protocol: Protocol,
        limits: LimitFlags,
        workers: int | None,
        as_json: bool,
    ) -> None:
        self.corpus, self.protocol = corpus, protocol
        self.limits, self.workers, self.as_json = limits, workers, as_json

    def __call__(self, name: str, config: Any, settings: Settings) -> None:
        from lemur2.cli.commands.grow import Going
        from lemur2.evaluation.plan import Plan
        from lemur2.generators import generator_class
        from lemur2.loop import same_run
        from lemur2.loop.keeping import Keeping

        generator = generator_class(name)(config, self.protocol.seed)
        plan = Plan.of(self.protocol)
        run = same_run(self.corpus, generator, plan, settings)
        if run is not None and run.status == "finished":
            return
        going = Going(self.corpus, generator, plan, settings)
        engine = self.limits.on(self.limits.limits(), self.workers)
        number = run.id if run else None
        going.carry_on(
            number, engine, self.workers, self.as_json, keeping=Keeping(), summarise=False
        )
