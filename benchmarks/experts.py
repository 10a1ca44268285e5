"""Mixtures of experts: against their experts alone, and with and without the balance loss.

    python benchmarks/experts.py propose                       candidates a second
    python benchmarks/experts.py hetero EPOCHS DATA TRANSFORM  a mixture of four, and each of them
    python benchmarks/experts.py balance EPOCHS DATA TRANSFORM  8 experts, top 2, and their routing

By default 3 epochs of mnist-5k at 32x32, some 10 minutes of CPU each; `10 digits norm` (8x8) takes
one.
Three seeds each, as section 4.3.1 of the paper's supplement has it; equal epochs; accuracy on the
validation part. The mixture trains as experiment 3 does, an expert alone as its own file says.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import mean, stdev

from lemur2.architecture import Architecture
from lemur2.architecture.zoo import zoo_source
from lemur2.corpus import TrialResult
from lemur2.corpus.pool import Pool
from lemur2.evaluation import Protocol
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.jobs import Train
from lemur2.evaluation.plan import Plan
from lemur2.generators.experts import Blueprint, ExpertsConfig, ExpertsGenerator, Part, compose
from lemur2.generators.experts.builtin import builtin_source
from lemur2.generators.fractal import FractalConfig, FractalGenerator
from lemur2.statistics.routing import routing

SEEDS = (0, 1, 2)


def propose() -> None:
    """How fast candidates are written."""
    for kind in ("heterogeneous", "homogeneous"):
        generator = ExpertsGenerator(ExpertsConfig(mixtures=kind), 0)
        generator.meet(Pool(None, task="img-classification"))
        generator.ask(40)  # files are read once
        started = time.process_time()
        count = len(generator.ask(200))
        seconds = time.process_time() - started
        print(f"{kind:<14} {count / seconds:7.1f} candidates a CPU second")


def train(engine: Engine, source: str, protocol: Protocol, seed: int) -> TrialResult:
    """One training; ends the benchmark where it fails."""
    result = engine.run(Train(source=source, plan=Plan.of(protocol.with_(seed=seed))))
    if not result.epochs:
        sys.exit(f"{result.verdict.value}: {result.reason}")
    return result


def row(name: str, results: list[TrialResult]) -> None:
    """Mean and spread of the final accuracy, the best of the peaks, seconds."""
    final = [result.epochs[-1].score for result in results]
    peak = max(epoch.score for result in results for epoch in result.epochs)
    seconds = mean(sum(epoch.seconds for epoch in result.epochs) for result in results)
    print(
        f"{name:<22} final {mean(final):.4f} +- {stdev(final):.4f}  best {peak:.4f}  "
        f"{seconds:6.1f} s a training",
        flush=True,
    )


def hetero(engine: Engine, protocol: Protocol) -> None:
    """A mixture of ResNet20, ComplexNet and two fractal networks, and each of them."""
    fractal = FractalGenerator(FractalConfig(depths=(2, 3), columns=(2,), widths=(8,)), 0)
    sources = {name: zoo_source(name) for name in ("ResNet20", "ComplexNet")}
    for index, candidate in enumerate(fractal.ask(2)):
        sources[f"FractalNet{index}"] = candidate.source
    declared = [Architecture.parse(source).hyperparameters or () for source in sources.values()]
    mixture = compose(
        Blueprint(experts=tuple(sources)),
        {name: Part(source) for name, source in sources.items()},
        set().union(*declared),
    )
    for name, source in {"mixture of the four": mixture, **sources}.items():
        row(name, [train(engine, source, protocol, seed) for seed in SEEDS])


def balance(engine: Engine, protocol: Protocol) -> None:
    """The same mixture without and with the load-balance loss."""
    for weight in (0.0, 0.05):
        blueprint = Blueprint(
            experts=("ConvNet8",),
            copies=8,
            top=2,
            gate="feedforward",
            noise=0.1,
            balance=weight,
            recipe="sgd",
        )
        source = compose(blueprint, {"ConvNet8": Part(builtin_source("ConvNet8"))}, {"dropout"})
        results = [train(engine, source, protocol, seed) for seed in SEEDS]
        row(f"balance loss x {weight}", results)
        for result in results:
            found = [routing(epoch.diagnostics) for epoch in result.epochs]
            told = [r for r in found if r is not None]
            print(
                "    utilisation " + " ".join(f"{r.utilisation:.3f}" for r in told),
                " specialisation " + " ".join(f"{r.specialisation:.3f}" for r in told),
                " last load " + " ".join(f"{share:.2f}" for share in told[-1].load),
                flush=True,
            )


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = {"hetero": hetero, "balance": balance}
    parser.add_argument("what", nargs="?", default="propose", choices=("propose", *what))
    parser.add_argument("epochs", nargs="?", type=int, default=3)
    parser.add_argument("dataset", nargs="?", default="mnist-5k")
    parser.add_argument("transform", nargs="?", default="norm_32")
    options = parser.parse_args()
    if options.what == "propose":
        propose()
        return
    protocol = Protocol(dataset=options.dataset, transform=options.transform, epochs=options.epochs)
    with LocalEngine(workers=1) as engine:
        what[options.what](engine, protocol)


if __name__ == "__main__":
    main()
