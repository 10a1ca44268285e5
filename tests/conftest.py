"""What several folders of tests share: one sandbox, since starting it takes seconds."""

import signal
import sys

import pytest
from hypothesis import settings

from lemur2.evaluation import Limits
from lemur2.evaluation.engines import LocalEngine
from lemur2.metrics import higher_is_better

GIB = 1 << 30

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

# A shell has what it starts in the background ignore Ctrl-C, and so would what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def engine():
    """An entered engine with one worker of one thread."""
    limits = Limits(screen_seconds=30, train_seconds=120, memory=GIB)
    with LocalEngine(limits, workers=1) as entered:
        yield entered


ERROR_RATE = """
from lemur2.metrics import Metric, metric

class ErrorRate(Metric):
    name = "error-rate"
    higher_is_better = False

    def __init__(self):
        self._accuracy = metric("acc")

    def reset(self):
        self._accuracy.reset()

    def update(self, outputs, targets):
        self._accuracy.update(outputs, targets)

    def result(self):
        return 1.0 - self._accuracy.result()
"""
ENTRIES = """[lemur2.metrics]
error-rate = thirdparty_errors:ErrorRate
broken-metric = thirdparty_errors:Missing
"""


@pytest.fixture(scope="module")
def error_rate(tmp_path_factory):
    """An installed package with a metric that is one to be low; its name."""
    folder = tmp_path_factory.mktemp("thirdparty")
    (folder / "thirdparty_errors.py").write_text(ERROR_RATE)
    info = folder / "thirdparty_errors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty-errors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        higher_is_better.cache_clear()
        yield "error-rate"
    sys.modules.pop("thirdparty_errors", None)
    higher_is_better.cache_clear()
