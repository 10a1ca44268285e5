"""What several folders of tests share: one sandbox, since starting it takes seconds."""

import signal

import pytest

from lemur2.evaluation import Limits
from lemur2.evaluation.engine import LocalEngine

GIB = 1 << 30

# A shell has what it starts in the background ignore Ctrl-C, and so would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def engine():
    """An entered engine with one worker of one thread."""
    limits = Limits(screen_seconds=30, train_seconds=120, memory=GIB)
    with LocalEngine(limits, workers=1) as entered:
        yield entered
