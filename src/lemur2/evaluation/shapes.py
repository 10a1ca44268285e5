"""The shapes that a network is tried with, where no data set says them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lemur2.tasks import Task


@dataclass(frozen=True)
class Attempt:
    """The shapes of one attempt.

    Attributes:
        size: What stands for it in the facts: pixels a side, or characters.
        sample: A sample's shape, no batch axis.
        outputs: `out_shape`.
    """

    size: int
    sample: tuple[int, ...]
    outputs: tuple[int, ...]


def attempts(task: Task, sizes: Sequence[int], channels: int = 3) -> tuple[Attempt, ...]:
    """One attempt for each of some sizes, with a task's own outputs."""
    return tuple(
        Attempt(size, tuple(task.sample_shape(size, channels)), tuple(task.default_outputs))
        for size in sizes
    )
