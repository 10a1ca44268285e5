"""What several folders of tests share: one sandbox, since starting it takes seconds."""

import pytest

from lemur2.evaluation import Limits
from lemur2.evaluation.engine import LocalEngine

GIB = 1 << 30


@pytest.fixture(scope="session")
def engine():
    """An entered engine with one worker of one thread."""
    limits = Limits(screen_seconds=30, train_seconds=120, memory=GIB)
    with LocalEngine(limits, workers=1) as entered:
        yield entered
