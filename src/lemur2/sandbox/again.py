"""Workers that were lost: a fault of the machine, for which no candidate is to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lemur2.errors import UserError

ATTEMPTS = 3  # at one job

T = TypeVar("T")


class EngineLost(Exception):
    """What workers run on went away, and the worker with it, before the job was done.

    An engine raises it where a machine died or cannot be reached; the text says which. Work in
    flight is done again elsewhere, and it is never a verdict on a candidate.
    """


class WarmProcessDied(EngineLost):
    """The process that workers are forked from ended."""

    def __init__(self) -> None:
        super().__init__("the process that candidates are forked from died")


def again(work: Callable[[], T]) -> T:
    """Do work that uses workers; from its beginning again where they were lost under it.

    Raises:
        UserError: They were lost every time.
    """
    for _ in range(ATTEMPTS):
        try:
            return work()
        except EngineLost as error:
            last = error
    raise UserError(
        f"{last} {ATTEMPTS} times at one job: a fault of the machine (is its memory out? see "
        "`dmesg`), not of the candidate; a run goes on where it stopped with `lemur2 resume RUN`"
    ) from last
