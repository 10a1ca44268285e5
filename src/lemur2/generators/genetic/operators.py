"""Selection, crossover, mutation and survival on vectors of indices, by pymoo's operators.

pymoo is imported when the first operator is needed, so that the package works without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from lemur2.errors import UserError
from lemur2.generators.genetic.space import Space, Vector

FAR = 0.25  # share of the mutations of an ordered gene that may go anywhere, not one step


class Operators:
    """Variation in one space. All chance comes from the generator that is handed in.

    Args:
        space: Whose vectors.
        crossover: Probability that two parents are mixed, gene by gene; else the first is taken.
        mutation: Probability that a gene changes; at least one does.
        tournament: How many compete to be a parent.

    Raises:
        UserError: pymoo is not installed.
    """

    def __init__(self, space: Space, *, crossover: float, mutation: float, tournament: int) -> None:
        try:
            from pymoo.core.population import Population
            from pymoo.core.problem import Problem
            from pymoo.operators.crossover.ux import UX
            from pymoo.operators.selection.tournament import TournamentSelection
            from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
        except ModuleNotFoundError as error:
            raise UserError(
                f"genetic search needs {error.name}; install it with pip install 'lemur2[search]'"
            ) from error
        self.space = space
        self.mutation = mutation
        upper = np.array(space.sizes) - 1
        self._problem = Problem(n_var=len(upper), xl=np.zeros_like(upper), xu=upper, vtype=int)
        self._population: Callable[..., Any] = Population.new
        self._crossover = UX(prob=crossover)
        self._selection = TournamentSelection(func_comp=_first, pressure=tournament)
        self._survival = RankAndCrowding()

    @cached_property
    def _ordered(self) -> tuple[bool, ...]:
        return tuple(gene.ordered for gene in self.space.genes)

    def parents(self, ranked: int, count: int, rng: np.random.Generator) -> list[int]:
        """Places of `count` tournament winners among `ranked` individuals, the best first."""
        crowd = self._population("X", np.zeros((ranked, 1)))
        chosen = self._selection.do(self._problem, crowd, count, 1, to_pop=False, random_state=rng)
        return [int(place) for place in np.ravel(chosen)]

    def cross(self, one: Vector, other: Vector, rng: np.random.Generator) -> Vector:
        """A child of two."""
        pair = self._population("X", np.array([one, other]))
        children = self._crossover.do(self._problem, pair, np.array([[0, 1]]), random_state=rng)
        return tuple(int(i) for i in children[0].X)

    def mutate(self, vector: Vector, rng: np.random.Generator) -> Vector:
        """A sound vector near this one, in which at least one expressed gene differs.

        Raises:
            StopIteration: A thousand tries did not give one.
        """
        was = self.space.expressed(vector)
        for _ in range(1000):
            chosen = rng.random(len(vector)) < self.mutation
            chosen[rng.integers(len(vector))] = True
            changed = tuple(
                self._changed(gene, index, rng) if change else index
                for gene, (index, change) in enumerate(zip(vector, chosen, strict=True))
            )
            if self.space.is_sound(changed) and self.space.expressed(changed) != was:
                return changed
        raise StopIteration("the space has no neighbour")

    def _changed(self, gene: int, index: int, rng: np.random.Generator) -> int:
        """Another value of a gene: mostly a neighbour where its values are ordered."""
        size = self.space.sizes[gene]
        if size == 1:
            return index
        if self._ordered[gene] and size > 2 and rng.random() >= FAR:
            step = 1 if rng.random() < 0.5 else -1
            return index + step if 0 <= index + step < size else index - step
        other = int(rng.integers(size - 1))
        return other + (other >= index)

    def ranked(self, costs: Sequence[Sequence[float]], keep: int) -> list[int]:
        """Places of the `keep` best, the best first.

        Args:
            costs: Of each individual, what is to be small; with one column by that, with more by
                non-dominated rank, then by crowding (NSGA-II). Equals keep their order.
            keep: How many.
        """
        table = np.array(costs, dtype=float)
        if table.shape[1] == 1:
            return [int(place) for place in np.argsort(table[:, 0], kind="stable")[:keep]]
        crowd = self._population("F", table)
        for place, individual in enumerate(crowd):
            individual.set("place", place)
        # The survival breaks ties by chance; with a seed of its own it does so alike every time.
        kept = self._survival.do(
            self._problem, crowd, n_survive=min(keep, len(table)), random_state=_seeded()
        )
        keys = [(i.get("rank"), -float(i.get("crowding")), i.get("place")) for i in kept]
        return [place for _, _, place in sorted(keys)]


def _seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def _first(crowd: Any, places: np.ndarray, **_: Any) -> np.ndarray:
    """The winner of each tournament: individuals are handed over with the best first."""
    return places.min(axis=1, keepdims=True)
