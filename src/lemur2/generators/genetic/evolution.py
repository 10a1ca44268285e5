"""The search engine: what to try next, given what became of what was tried. Knows no network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lemur2.generators.genetic.operators import Operators
from lemur2.generators.genetic.space import Space, Vector

TRIES = 300  # to find something new, before the space counts as exhausted


@dataclass(frozen=True, kw_only=True)
class Individual:
    """A vector, where it comes from, and what is known of it.

    Attributes:
        number: In the order of birth, from 0.
        vector: As bred; what it expresses is what counts.
        generation: 0 for the first population; of an aging population, births per its size.
        parents: Their vectors.
        rung: How often it was tried so far with more effort than before, less one.
        costs: What is to be small; None while that is not known. The score comes first, negated.
    """

    number: int
    vector: Vector
    generation: int
    parents: tuple[Vector, ...] = ()
    rung: int = 0
    costs: tuple[float, ...] | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Individual:
        """From JSON."""
        costs = stored["costs"]
        return cls(
            **{
                **stored,
                "vector": tuple(stored["vector"]),
                "parents": tuple(map(tuple, stored["parents"])),
                "costs": None if costs is None else tuple(costs),
            }
        )


Known = Callable[[Individual], "tuple[float, ...] | None"]
Fits = Callable[[Vector], bool]
Bred = tuple[Vector, tuple[Vector, ...]]  # a child and its parents
Breed = Callable[[], Bred]


class Evolution(ABC):
    """Proposes individuals and hears of them.

    Args:
        space: Where.
        operators: How to vary.
        seed: Of all chance.
        population: How many live at once.
        fits: Whether a vector is within budget.
        known: Costs that are known without trying; None where they are not.
    """

    def __init__(
        self,
        space: Space,
        operators: Operators,
        *,
        seed: int,
        population: int,
        fits: Fits = lambda vector: True,
        known: Known = lambda individual: None,
    ) -> None:
        self.space, self.operators = space, operators
        self.population, self.fits, self.known = population, fits, known
        self.rng = np.random.default_rng(seed)
        self.born = 0
        self.seen: set[Vector] = set()
        self.living: list[Individual] = []
        self.asked: dict[int, Individual] = {}  # proposed, not heard of yet

    @abstractmethod
    def propose(self) -> Individual | None:
        """What to try next; None where something must be heard first, or nothing is left."""

    @abstractmethod
    def hear(self, number: int, costs: tuple[float, ...] | None) -> None:
        """What became of a proposed individual; None where it failed, which is no cost."""

    def state(self) -> dict[str, Any]:
        """Everything as JSON-able data."""
        return {
            "rng": self.rng.bit_generator.state,
            "born": self.born,
            "seen": sorted("".join(map(chr, (48 + i for i in vector))) for vector in self.seen),
            "living": [asdict(each) for each in self.living],
            "asked": [asdict(each) for each in self.asked.values()],
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.rng.bit_generator.state = state["rng"]
        self.born = state["born"]
        self.seen = {tuple(ord(letter) - 48 for letter in text) for text in state["seen"]}
        self.living = [Individual.of(each) for each in state["living"]]
        self.asked = {each["number"]: Individual.of(each) for each in state["asked"]}

    def _new(self, breed: Breed, generation: int) -> Individual | None:
        """What `breed` gives, where it is within budget and was not tried yet; None if never."""
        for _ in range(TRIES):
            try:
                vector, parents = breed()
            except StopIteration:
                return None
            expressed = self.space.expressed(vector)
            if expressed in self.seen or not self.fits(vector):
                continue
            self.seen.add(expressed)
            self.born += 1
            return Individual(
                number=self.born - 1, vector=vector, generation=generation, parents=parents
            )
        return None

    def _first(self) -> Bred:
        """The baseline, where it is new and within budget; after that ever farther from it.

        The second of the first population is a neighbour, the last one drawn evenly: a search
        whose baseline does badly is not held there.
        """
        baseline = self.space.baseline
        if (
            not self.born
            and self.space.expressed(baseline) not in self.seen
            and self.fits(baseline)
        ):
            return baseline, ()
        share = min(1.0, self.born / max(1, self.population - 1)) ** 2
        return self._drawn(max(share, 1 / len(baseline))), ()

    def _drawn(self, share: float) -> Vector:
        """The baseline with this share of its genes drawn evenly."""
        sizes, baseline = self.space.sizes, self.space.baseline
        while True:
            anew = self.rng.random(len(sizes)) < share
            drawn = self.rng.integers(sizes)
            vector = tuple(map(int, np.where(anew, drawn, baseline)))
            if self.space.is_sound(vector):
                return vector

    def _child(self, living: Sequence[Individual]) -> Bred:
        """A child of tournament winners; `living` has the best first."""
        one, other = (living[i] for i in self.operators.parents(len(living), 2, self.rng))
        mixed = self.operators.cross(one.vector, other.vector, self.rng)
        vector = self.operators.mutate(mixed, self.rng)
        return vector, tuple(dict.fromkeys((one.vector, other.vector)))


class Generations(Evolution):
    """A generation at a time: bred from the survivors, tried in whole, then selected.

    Within a generation the order in which individuals are heard of changes nothing.

    Args:
        elites: How many of the living compete with their children; all of them by default.
        rungs: How many times the better of a generation are tried, with more effort each time.
        promoted: Share of a rung that gets to the next.
        **settings: See `Evolution`.
    """

    def __init__(
        self,
        space: Space,
        operators: Operators,
        *,
        elites: int | None = None,
        rungs: int = 1,
        promoted: float = 1 / 3,
        **settings: Any,
    ) -> None:
        super().__init__(space, operators, **settings)
        self.elites = self.population if elites is None else elites
        self.rungs, self.promoted = rungs, promoted
        self.generation, self.rung = -1, 0
        self.waiting: list[Individual] = []  # of this generation, not proposed yet
        self.brood: list[Individual] = []  # of this generation, tried

    def propose(self) -> Individual | None:
        """The next of the generation; None where it is not all heard of."""
        while not self.waiting:
            if self.asked or not self._go_on():
                return None
        chosen = self.waiting.pop(0)
        self.asked[chosen.number] = chosen
        return chosen

    def hear(self, number: int, costs: tuple[float, ...] | None) -> None:
        """Keep it for the end of the generation; one that failed keeps its earlier rung."""
        tried = self.asked.pop(number)
        if costs is not None:
            self._tried(replace(tried, costs=costs))

    def state(self) -> dict[str, Any]:
        """See `Evolution.state`."""
        lists = {"waiting": self.waiting, "brood": self.brood}
        stored = {name: [asdict(each) for each in found] for name, found in lists.items()}
        return {**super().state(), **stored, "generation": self.generation, "rung": self.rung}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `Evolution.load_state`."""
        super().load_state(state)
        self.generation, self.rung = state["generation"], state["rung"]
        self.waiting = [Individual.of(each) for each in state["waiting"]]
        self.brood = [Individual.of(each) for each in state["brood"]]

    def _tried(self, individual: Individual) -> None:
        others = [each for each in self.brood if each.number != individual.number]
        self.brood = sorted([*others, individual], key=lambda each: each.number)

    def _go_on(self) -> bool:
        """Fill `waiting` with the next rung or generation; False where the space is exhausted."""
        if self._promote():
            return True
        if self.brood:
            self.living = self._survivors()
            self.brood = []
        self.generation, self.rung = self.generation + 1, 0
        bred = 0
        for _ in range(self.population):
            individual = self._new(self._breed, self.generation)
            if individual is None:
                break
            bred += 1
            self._await(individual)
        return bred > 0

    def _breed(self) -> Bred:
        return self._child(self.living) if self.living else self._first()

    def _await(self, individual: Individual) -> None:
        """Have it tried, unless that is known."""
        costs = self.known(individual)
        if costs is None:
            self.waiting.append(individual)
        else:
            self._tried(replace(individual, costs=costs))

    def _promote(self) -> bool:
        """Send the better of the highest rung to the next; whether there were any."""
        there = [each for each in self.brood if each.rung == self.rung]
        if self.rung + 1 >= self.rungs or not there:
            return False
        self.rung += 1
        count = max(1, round(len(there) * self.promoted))
        for place in self.operators.ranked([e.costs or () for e in there], count):
            self._await(replace(there[place], rung=self.rung, costs=None))
        return True

    def _survivors(self) -> list[Individual]:
        """The best of the elites and the generation, the best first.

        Where there are rungs, a higher one beats a lower one whatever the scores.
        """
        pool = [*self.living[: self.elites], *self.brood]
        if self.rungs > 1:
            pool.sort(key=lambda each: (-each.rung, each.costs))
            return pool[: self.population]
        ranked = self.operators.ranked([e.costs or () for e in pool], self.population)
        return [pool[place] for place in ranked]


class Chance(Evolution):
    """Random search: vectors drawn evenly. What the others are to be compared with."""

    def propose(self) -> Individual | None:
        """Any that is new."""
        while True:
            individual = self._new(lambda: (self._drawn(1), ()), 0)
            if individual is None or self.known(individual) is None:
                break
        if individual is not None:
            self.asked[individual.number] = individual
        return individual

    def hear(self, number: int, costs: tuple[float, ...] | None) -> None:
        """Forget it."""
        self.asked.pop(number)


class Aging(Evolution):
    """Steady state: every individual heard of replaces the oldest (Real et al. 2019).

    It proposes without waiting for anything: a slow individual holds nothing up.
    """

    def propose(self) -> Individual | None:
        """A child of the living, or while too few were born, of the baseline."""
        while True:
            early = self.born < self.population or not self.living
            generation = 0 if early else self.born // self.population
            individual = self._new(self._first if early else self._offspring, generation)
            if individual is None:
                return None
            costs = self.known(individual)
            if costs is None:
                self.asked[individual.number] = individual
                return individual
            self._enter(replace(individual, costs=costs))

    def hear(self, number: int, costs: tuple[float, ...] | None) -> None:
        """It enters the population, and the oldest leaves; one that failed does not enter."""
        tried = self.asked.pop(number)
        if costs is not None:
            self._enter(replace(tried, costs=costs))

    def _enter(self, individual: Individual) -> None:
        self.living = [*self.living, individual][-self.population :]

    def _offspring(self) -> Bred:
        ranked = self.operators.ranked([e.costs or () for e in self.living], len(self.living))
        return self._child([self.living[place] for place in ranked])
