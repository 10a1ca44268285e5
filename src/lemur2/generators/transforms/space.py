"""The space of compositions: every one has a place in a fixed, balanced order.

For compositions of k operations out of n, the order goes in *rounds* of n: a round fixes how far
apart (around the shuffled circle of operations) the k members are, and starts once at each
operation. So each operation stands at each place exactly once in a round, no sequence of
operations comes again before all have come, and when they do come again, it is with other
parameters. What was given needs no remembering: the order is computed.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from lemur2.generators.fractal.permutation import permuted
from lemur2.generators.transforms.operations import Operation


@dataclass(frozen=True, kw_only=True)
class Composition:
    """What is between the data set's image and the network's input.

    Attributes:
        operations: In order, those that take tensors last.
        arguments: Of each.
        side: Pixels a side that images are resized to.
    """

    operations: tuple[Operation, ...]
    arguments: tuple[dict[str, object], ...]
    side: int


class CompositionSpace:
    """The compositions of one number of operations, in an order that the seed decides.

    Args:
        operations: What is composed.
        arity: How many of them, at most all.
        sides: What images may be resized to.
        seed: Of the order.
    """

    def __init__(
        self, operations: Sequence[Operation], arity: int, sides: Sequence[int], seed: int
    ) -> None:
        self.arity, self.sides, self.seed = arity, tuple(sides), seed
        self._circle = list(operations)
        random.Random(f"operations/{arity}/{seed}").shuffle(self._circle)
        self._starts = len(self._circle) if arity else 1
        self._offsets = math.perm(len(self._circle) - 1, arity - 1) if arity else 1
        largest = sorted((operation.size for operation in operations), reverse=True)[:arity]
        self.length = self._starts * self._offsets * math.prod(largest) * len(self.sides)

    def at(self, position: int) -> Composition | None:
        """What stands at a position below `length`; None where it is left empty.

        Empty are sequences that would put what takes tensors before what takes images, and those
        that have been given with all their parameters.
        """
        turn, start = divmod(position, self._starts)
        lap, turn = divmod(turn, self._offsets)
        start = permuted(start, self._starts, f"start/{self.seed}/{self.arity}/{lap}/{turn}")
        chosen = self._sequence(start, turn)
        size = math.prod(operation.size for operation in chosen) * len(self.sides)
        wrong = any(
            one.takes_tensors and not other.takes_tensors
            for one, other in itertools.pairwise(chosen)
        )
        if wrong or lap >= size:
            return None
        names = "/".join(operation.name for operation in chosen)
        return self._composition(chosen, permuted(lap, size, f"{self.seed}/{names}"))

    def _sequence(self, start: int, turn: int) -> tuple[Operation, ...]:
        """The operations at `start` and at the distances from it that the turn stands for."""
        if not self.arity:
            return ()
        rest = permuted(turn, self._offsets, f"turn/{self.seed}/{self.arity}")
        distances = list(range(1, len(self._circle)))
        places = [start]
        for _ in range(self.arity - 1):
            rest, position = divmod(rest, len(distances))
            places.append((start + distances.pop(position)) % len(self._circle))
        return tuple(self._circle[place] for place in places)

    def _composition(self, chosen: tuple[Operation, ...], index: int) -> Composition:
        index, side = divmod(index, len(self.sides))
        arguments = []
        for operation in chosen:
            index, position = divmod(index, operation.size)
            arguments.append(operation.arguments(position))
        return Composition(operations=chosen, arguments=tuple(arguments), side=self.sides[side])
