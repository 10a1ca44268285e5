"""Which networks a prompt shows: a main one, and those that support it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lemur2.errors import UserError

if TYPE_CHECKING:
    from lemur2.corpus.pool import Member, Pool

STRATEGIES = ("accuracy", "diverse", "balanced", "random")
_SURPLUS = 8  # times as many are drawn where too long ones are passed over
_LOOKED_AT = 48  # networks that `diverse` compares for one prompt: reading a source takes time


class Examples:
    """Draws the networks of prompts from a pool.

    - `accuracy`: all from the best `top` share of the pool's data set.
    - `diverse`: from the same share, each as unlike the ones before it as can be (by its tokens,
      as near-duplicates are found).
    - `balanced`: from the same share of every family, each from another family where there are
      enough of them.
    - `random`: from all.

    Networks without a score are drawn only where none has one (the zoo, before it was trained).

    Args:
        pool: What there is.
        strategy: One of `STRATEGIES`.
        top: Which share of the best is good enough, in (0, 1].
        longest: Characters that a network may have; 0 for no bound. Of those that are drawn, too
            long ones are passed over; where that leaves too few, the shortest of them are taken.
    """

    def __init__(self, pool: Pool, strategy: str, top: float, longest: int = 0) -> None:
        self._pool = pool
        self._top = top
        self._longest = longest
        self._draw: Callable[[random.Random, int], list[Member]] = {
            "accuracy": self._accurate,
            "diverse": self._diverse,
            "balanced": self._balanced,
            "random": self._random,
        }[strategy]

    def draw(self, count: int, chance: random.Random) -> list[Member]:
        """So many different networks, the main one first; fewer where there are no more.

        Raises:
            UserError: The pool is empty.
        """
        if not self._ranked:
            raise UserError(f"there is no network for {self._pool.task} to show to the model")
        if not self._longest:
            return self._draw(chance, count)
        drawn = self._draw(chance, count * _SURPLUS)
        length = {member.name: len(self._pool.source(member.name)) for member in drawn}
        short = [member for member in drawn if length[member.name] <= self._longest]
        return (short if len(short) >= count else sorted(drawn, key=lambda m: length[m.name]))[
            :count
        ]

    @cached_property
    def _ranked(self) -> list[Member]:
        """All that may be drawn, the best first."""
        members = self._pool.members
        scored = [member for member in members if member.score is not None]
        return sorted(scored or members, key=lambda member: (self._pool.loss(member), member.name))

    def _best(self, members: Sequence[Member]) -> Sequence[Member]:
        return members[: max(1, round(len(members) * self._top))]

    def _accurate(self, chance: random.Random, count: int) -> list[Member]:
        best = self._ranked[: max(count, len(self._best(self._ranked)))]
        return chance.sample(best, min(count, len(best)))

    def _random(self, chance: random.Random, count: int) -> list[Member]:
        return chance.sample(self._ranked, min(count, len(self._ranked)))

    def _balanced(self, chance: random.Random, count: int) -> list[Member]:
        families = list(self._families.values())
        chosen = chance.sample(families, min(count, len(families)))
        drawn = [chance.choice(self._best(family)) for family in chosen]
        rest = [member for member in self._ranked if member not in drawn]
        return drawn + chance.sample(rest, min(count - len(drawn), len(rest)))

    @cached_property
    def _families(self) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        for member in self._ranked:
            found.setdefault(member.family, []).append(member)
        return found

    def _diverse(self, chance: random.Random, count: int) -> list[Member]:
        from lemur2.corpus.curation.choose import farthest_first
        from lemur2.corpus.dedupe.near import Sketches

        looked_at = self._accurate(chance, max(count, _LOOKED_AT))
        sketches = Sketches(self._pool.source(member.name) for member in looked_at)
        places = farthest_first(sketches, [], range(len(looked_at)), count)
        return [looked_at[place] for place in places]
