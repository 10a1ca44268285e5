"""Genetic search against random search: on a surrogate of published networks, and for real.

    python benchmarks/genetic.py --surrogate CORPUS  rank correlation, then regret curves
    python benchmarks/genetic.py --speed             candidates a second, share of time proposing
    python benchmarks/genetic.py --real FOLDER       mnist-5k, three seeds; resumes when repeated

CORPUS holds the imported networks (`lemur2 import nn-dataset`). Ratios are against random search
with the same budget, in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from genetic_surrogate import Surrogate, held_out_correlation, read

from lemur2.generators.genetic import GeneticConfig
from lemur2.generators.genetic.evolution import Aging, Evolution, Generations
from lemur2.generators.genetic.operators import Operators
from lemur2.generators.genetic.space import Space, Vector

BUDGET, SEEDS, WINDOW = 500, 20, 16
LEAST_CORRELATION = 0.5
MARKS = (20, 50, 100, 200, 500)

Measure = Callable[[Sequence[Vector]], np.ndarray]


def operators(space: Space) -> Operators:
    """The generator's default rates."""
    given = GeneticConfig()
    return Operators(
        space,
        crossover=given.crossover,
        mutation=given.mutation,
        tournament=given.tournament,
    )


def evolve(evolution: Evolution, measure: Measure, budget: int, window: int) -> np.ndarray:
    """What `budget` proposals come to, in order; up to `window` of them are outstanding."""
    found: list[float] = []
    while len(found) < budget:
        asked = []
        while len(asked) < min(window, budget - len(found)):
            individual = evolution.propose()
            if individual is None:
                break
            asked.append(individual)
        values = measure([each.vector for each in asked])
        for individual, value in zip(asked, values, strict=True):
            evolution.hear(individual.number, (-float(value),))
        found += list(map(float, values))
    return np.array(found)


def at_random(space: Space, measure: Measure, budget: int, seed: int) -> np.ndarray:
    """What `budget` different vectors come to, drawn evenly."""
    rng, seen = np.random.default_rng(seed), dict[Vector, None]()
    while len(seen) < budget:
        vector = tuple(int(rng.integers(size)) for size in space.sizes)
        if space.is_sound(vector):
            seen.setdefault(space.expressed(vector))
    return measure(list(seen))


def anywhere(space: Space, seed: int) -> Space:
    """The space with a random baseline."""
    rng = np.random.default_rng(1000 + seed)
    while True:
        genes = [replace(g, baseline=g.values[rng.integers(len(g.values))]) for g in space.genes]
        moved = replace(space, genes=tuple(genes))
        if moved.is_sound(moved.baseline):
            return moved


def surrogate(place: Path, families: Sequence[str]) -> None:
    """Print rank correlations, then regret curves."""
    for family in families:
        published = read(place, family)
        agree, count = published.agree
        mean, spread = held_out_correlation(published)
        print(
            f"{family}: {len(published.vectors):,} trials of {count:,} networks on cifar-10, "
            f"{agree:,} with the layers that their comment says; space of "
            f"{published.space.size:,}; rank correlation on held-out networks "
            f"{mean:.3f} +- {spread:.3f} (5 folds)",
            flush=True,
        )
        if mean < LEAST_CORRELATION:
            print("  it does not rank networks: a search on it would show nothing")
            continue
        fitted = Surrogate(published.space).fit(published.vectors, published.accuracies)
        regret_curves(published.space, fitted.predict)


def regret_curves(space: Space, measure: Measure) -> None:
    """Regret after so many evaluations, against the best that anything found."""

    def evolved(kind: type[Evolution], seed: int, *, blind: bool) -> np.ndarray:
        """With the generator's defaults; `blind`: from a random vector instead of AlexNet."""
        where = anywhere(space, seed) if blind else space
        population = GeneticConfig().population
        evolution = kind(where, operators(where), seed=seed, population=population)
        return evolve(evolution, measure, BUDGET, population if kind is Generations else WINDOW)

    ways: dict[str, Callable[[int], np.ndarray]] = {
        "random": lambda seed: at_random(space, measure, BUDGET, seed),
        "generations": lambda seed: evolved(Generations, seed, blind=False),
        "aging": lambda seed: evolved(Aging, seed, blind=False),
        "generations, blind": lambda seed: evolved(Generations, seed, blind=True),
        "aging, blind": lambda seed: evolved(Aging, seed, blind=True),
    }
    started = time.process_time()
    curves = {
        name: np.array([np.maximum.accumulate(way(seed)) for seed in range(SEEDS)])
        for name, way in ways.items()
    }
    best = max(curve.max() for curve in curves.values())
    print(f"  regret, percentage points below {best:.4f}, mean (and worst) of {SEEDS} seeds")
    print("  evaluations        " + "".join(f"{mark:>15}" for mark in MARKS))
    for name, curve in curves.items():
        regret = 100 * (best - curve)
        row = (f"{regret[:, m - 1].mean():.2f} ({regret[:, m - 1].max():.2f})" for m in MARKS)
        print(f"  {name:<19}" + "".join(f"{cell:>15}" for cell in row))
    for name in list(ways)[1:]:
        wins = [(curves[name][:, m - 1] > curves["random"][:, m - 1]).sum() for m in MARKS]
        print(f"  {name} ahead of random, seeds of {SEEDS}: " + ", ".join(map(str, wins)))
    seconds = time.process_time() - started
    print(f"  {len(ways) * SEEDS * BUDGET:,} evaluations in {seconds:.0f} s of CPU")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surrogate", type=Path, metavar="CORPUS")
    parser.add_argument("--families", default="ga-mut,ga")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--real", type=Path, metavar="FOLDER")
    parser.add_argument("--evaluations", type=int, default=40, help="of each --real search")
    given = parser.parse_args()
    if given.surrogate:
        surrogate(given.surrogate, given.families.split(","))
    if given.speed or given.real:
        import genetic_real

        if given.speed:
            genetic_real.speed()
        if given.real:
            genetic_real.real(given.real, given.evaluations)


if __name__ == "__main__":
    main()
