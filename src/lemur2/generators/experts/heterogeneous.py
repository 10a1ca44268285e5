"""Heterogeneous mixtures: experts of different families, every family equally often."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from lemur2.generators.fractal.permutation import permuted

_VAIN = 200  # draws that give nothing new, after which there is taken to be nothing
_FAILURES = 2  # of mixtures with an expert that never was in one that worked


class HeterogeneousSample:
    """Draws sets of networks: distinct families in shuffled rounds, in each family in turn.

    What fails is learned from: a network that was in two mixtures that did not get through
    screening, and in none that did, is drawn no more.

    Args:
        families: Names of networks by family.
        seed: Of all draws.
    """

    def __init__(self, families: Mapping[str, Sequence[str]], seed: int) -> None:
        self.families = {name: tuple(families[name]) for name in sorted(families)}
        self.seed = seed
        self.rounds = 0  # shuffled so far
        self.queue: list[str] = []  # families that are due, the first first
        self.drawn: dict[str, int] = {}  # how often, by family
        self.seen: list[tuple[str, ...]] = []
        self.failures: dict[str, int] = {}
        self.trusted: set[str] = set()

    def draw(self, number: int) -> tuple[str, ...] | None:
        """The next set of so many networks, sorted; None where nothing new is found."""
        for _ in range(_VAIN):
            families = self._deal(number)
            names = tuple(sorted(filter(None, map(self._member, families))))
            if len(names) == number and names not in self.seen:
                self.seen.append(names)
                return names
        return None

    def hear(self, names: Sequence[str], worked: bool) -> None:
        """Learn that a mixture of these networks got through screening, or did not."""
        if worked:
            self.trusted.update(names)
            return
        for name in names:
            self.failures[name] = self.failures.get(name, 0) + 1

    def forget(self, name: str) -> None:
        """Draw a network no more: it cannot be an expert."""
        self.failures[name] = _FAILURES
        self.trusted.discard(name)

    def state(self) -> dict[str, Any]:
        """What later draws depend on."""
        return {
            "rounds": self.rounds,
            "queue": list(self.queue),
            "drawn": dict(self.drawn),
            "seen": [list(names) for names in self.seen],
            "failures": dict(self.failures),
            "trusted": sorted(self.trusted),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.rounds, self.queue = state["rounds"], list(state["queue"])
        self.drawn = dict(state["drawn"])
        self.seen = [tuple(names) for names in state["seen"]]
        self.failures = dict(state["failures"])
        self.trusted = set(state["trusted"])

    def _deal(self, number: int) -> list[str]:
        """The next families, all different; rounds in which each comes once follow each other."""
        names = list(self.families)
        while len(set(self.queue)) < min(number, len(names)):
            self.queue += random.Random(f"{self.seed}/{self.rounds}").sample(names, len(names))
            self.rounds += 1
        dealt = list(dict.fromkeys(self.queue))[:number]
        for name in dealt:
            self.queue.remove(name)  # its first place; where it comes again it waits
        return dealt

    def _member(self, family: str) -> str | None:
        members = self.families[family]
        for _ in members:
            count = self.drawn.get(family, 0)
            self.drawn[family] = count + 1
            round_, place = divmod(count, len(members))
            name = members[permuted(place, len(members), f"{self.seed}/{family}/{round_}")]
            if name in self.trusted or self.failures.get(name, 0) < _FAILURES:
                return name
        return None
