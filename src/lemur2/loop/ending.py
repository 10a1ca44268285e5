"""Working on a run in the ledger: by one process at a time, and closed whatever ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lemur2.corpus import Corpus
from lemur2.errors import UserError

_FROM_OUTSIDE = (KeyboardInterrupt, GeneratorExit, BrokenPipeError)


@contextmanager
def working_on(corpus: Corpus, run: int) -> Iterator[None]:
    """Claim a run, mark it `running`, and close it when the block ends.

    It ends `finished`, `interrupted` by Ctrl-C or because nobody reads what is printed, or else
    `failed`. A process that is killed leaves it `running`, but its claim ends with it.

    Raises:
        UserError: Another process is at work on it.
    """
    with corpus.claimed(run):
        corpus.set_run_status(run, "running")
        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, _FROM_OUTSIDE)
            with suppress(UserError):  # the error that passes is what counts
                corpus.finish_run(run, "interrupted" if interrupted else "failed")
            raise
        corpus.finish_run(run)
