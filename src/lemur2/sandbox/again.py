"""The warm process died: a fault of the machine, for which no candidate is to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lemur2.errors import UserError

ATTEMPTS = 3  # at one job

T = TypeVar("T")


class WarmProcessDied(Exception):
    """It ended, and the worker with it, before the job was done."""


def again(work: Callable[[], T]) -> T:
    """Do work that uses workers; from its beginning again where the warm process died under it.

    Raises:
        UserError: It died every time.
    """
    for _ in range(ATTEMPTS):
        try:
            return work()
        except WarmProcessDied:
            continue
    raise UserError(
        f"the process that candidates are forked from died {ATTEMPTS} times at one job: a fault "
        "of the machine (is its memory out? see `dmesg`), not of the candidate; a run goes on "
        "where it stopped with `lemur2 resume RUN`"
    )
