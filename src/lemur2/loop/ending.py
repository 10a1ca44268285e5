"""Working on a run in the ledger: by one process at a time, and closed whatever ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lemur2.corpus import Corpus
from lemur2.errors import UserError

_FROM_OUTSIDE = (KeyboardInterrupt, GeneratorExit, BrokenPipeError)


class Work:
    """A run that is being worked on."""

    def __init__(self) -> None:
        self.failure = ""

    def failed(self, reason: str) -> None:
        """It will come to its end, but to none that a user wants: it is closed as `failed`."""
        self.failure = reason


@contextmanager
def working_on(corpus: Corpus, run: int) -> Iterator[Work]:
    """Claim a run, mark it `running`, and close it when the block ends.

    It ends `finished`, `interrupted` by Ctrl-C or because nobody reads what is printed, or else
    `failed`, with the reason. One that fails before anything was asked or tried leaves no row:
    there is nothing to go on with. A process that is killed leaves it `running`, but its claim ends
    with it.

    Raises:
        UserError: Another process is at work on it.
    """
    work = Work()
    with corpus.claimed(run):
        corpus.set_run_status(run, "running")
        try:
            yield work
        except _FROM_OUTSIDE:
            with suppress(UserError):  # the error that passes is what counts
                corpus.finish_run(run, "interrupted")
            raise
        except BaseException as error:
            with suppress(UserError):
                if not (isinstance(error, UserError) and corpus.drop_empty_run(run)):
                    corpus.finish_run(run, "failed", _reason(error))
            raise
        corpus.finish_run(run, "failed" if work.failure else "finished", work.failure)


def _reason(error: BaseException) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return "memory: the process had no more of it"
    return f"{type(error).__name__}: {error}"
