"""Homogeneous mixtures: every combination of N, k, expert, gate and loss weights, once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from lemur2.generators.experts.blueprint import Blueprint
from lemur2.generators.fractal.permutation import permuted


class HomogeneousSpace:
    """The combinations, stratified over N and k: a stratum a turn, each in an order of its own.

    Args:
        numbers: Values of N.
        tops: Values of k; those below N are used.
        experts: Names of built-in experts.
        gates, noises, balances, diversities: Values of the blueprint's fields.
        seed: Of the order.
    """

    def __init__(
        self,
        *,
        numbers: Sequence[int],
        tops: Sequence[int],
        experts: Sequence[str],
        gates: Sequence[str],
        noises: Sequence[float],
        balances: Sequence[float],
        diversities: Sequence[float],
        seed: int,
    ) -> None:
        self.strata = [(n, k) for n, k in itertools.product(numbers, tops) if k < n]
        self.seed = seed
        choices = (experts, gates, noises, balances)
        alone = list(itertools.product(*choices, (0.0,)))  # one expert agrees with itself
        several = list(itertools.product(*choices, diversities))
        self._options = [alone if top == 1 else several for _, top in self.strata]
        self._walk = [
            (stratum, turn)
            for turn in range(max(len(alone), len(several)))
            for stratum, options in enumerate(self._options)
            if turn < len(options)
        ]

    def __len__(self) -> int:
        return len(self._walk)

    def __getitem__(self, index: int) -> Blueprint:
        """The mixture at a place of the walk, from 0 to below the length."""
        stratum, turn = self._walk[index]
        number, top = self.strata[stratum]
        options = self._options[stratum]
        choice = permuted(turn, len(options), f"{self.seed}/{number}/{top}")
        expert, gate, noise, balance, diversity = options[choice]
        return Blueprint(
            experts=(expert,),
            copies=number,
            top=top,
            gate="improved" if gate == "improved" else "feedforward",
            noise=noise,
            temperature=2.0 if gate == "improved" else 1.0,
            balance=balance,
            diversity=diversity,
            recipe="sgd",
        )
