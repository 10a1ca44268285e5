"""How a run in the ledger ends, whatever ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lemur2.corpus import Corpus
from lemur2.errors import UserError


@contextmanager
def closing_run(corpus: Corpus, run: int) -> Iterator[None]:
    """Close a run when the block ends: `finished`, `interrupted` by Ctrl-C, or else `failed`.

    A process that is killed leaves it `running`.
    """
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt | GeneratorExit)
        with suppress(UserError):  # the error that passes is what counts
            corpus.finish_run(run, "interrupted" if interrupted else "failed")
        raise
    corpus.finish_run(run)
