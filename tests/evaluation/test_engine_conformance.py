"""Our engine passes the suite, and so does one that a package brings in one file."""

import os
import subprocess
import sys

import pytest

from lemur2.errors import UsageError
from lemur2.evaluation import Limits
from lemur2.evaluation.engines import LocalEngine, engine_class, engine_names
from lemur2.testing.engines import EngineSuite


class TestLocal(EngineSuite):
    @pytest.fixture(scope="class")
    def kind(self):
        return engine_class("local")


TWO_SANDBOXES = '''
"""An engine whose workers are in two sandboxes of this machine, which take turns."""

from contextlib import ExitStack, contextmanager
from itertools import cycle
from threading import Lock

from lemur2.evaluation.engines import Engine
from lemur2.evaluation.workers import CandidateSandbox


class TwoSandboxes(Engine):
    name = "two-sandboxes"
    about = "two sandboxes of this machine"

    def fitting(self):
        return 2

    def open(self):
        self._lock = Lock()
        with ExitStack() as stack:
            given = [CandidateSandbox(self.limits, unsafe=self.unsafe) for _ in range(2)]
            self._turns = cycle([stack.enter_context(each) for each in given])
            self._open = stack.pop_all()

    def close(self):
        self._open.close()

    @contextmanager
    def sandbox(self):
        with self._lock:
            chosen = next(self._turns)
        yield chosen
'''


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """The folder of an installed package with the engine."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "two_sandboxes.py").write_text(TWO_SANDBOXES)
    info = folder / "two_sandboxes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: two-sandboxes\nVersion: 1.0\n")
    (info / "RECORD").write_text("two_sandboxes.py,,\n")
    (info / "entry_points.txt").write_text(
        "[lemur2.engines]\ntwo-sandboxes = two_sandboxes:TwoSandboxes\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    sys.modules.pop("two_sandboxes", None)


class TestOneFromOutside(EngineSuite):
    @pytest.fixture(scope="class")
    def kind(self, outside):
        assert "two-sandboxes" in engine_names()
        return engine_class("two-sandboxes")


def test_an_engine_is_chosen_by_its_name(outside, tmp_path):
    command = ("check", "LeNet", "--engine", "two-sandboxes")
    done = subprocess.run(
        [sys.executable, "-m", "lemur2", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(outside)},
    )
    assert done.returncode == 0, done.stderr
    assert "62,006 parameters" in done.stdout


def test_an_unknown_engine_is_wrong_usage():
    with pytest.raises(UsageError, match="did you mean local"):
        engine_class("locl")


def test_jobs_are_spread_over_several_devices(monkeypatch):
    """Two warm processes here, as two devices have; the same job for both."""
    monkeypatch.setattr(LocalEngine, "_devices", property(lambda self: ["cpu", "cpu"]))
    with LocalEngine(Limits()) as engine:
        assert engine.workers >= 2
        with engine.sandbox() as first, engine.sandbox() as second:
            assert first is not second
        with engine.sandbox() as again:
            assert again is first
