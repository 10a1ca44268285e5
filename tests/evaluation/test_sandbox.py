"""The sandbox's own promises, beside those that the hostile suite attacks."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lemur2.architecture import Refusal, Verdict
from lemur2.architecture.zoo import zoo_source
from lemur2.errors import UserError
from lemur2.evaluation import Limits
from lemur2.evaluation.evaluator import Evaluator
from lemur2.evaluation.sandbox import Property, Sandbox, Worker, report
from lemur2.evaluation.sandbox import client as client_module
from lemur2.tasks import task

IMAGES = task("img-classification")


def test_memory_is_watched_where_the_address_space_is_not_limited(monkeypatch):
    original = Worker._cell
    monkeypatch.setattr(Worker, "_cell", lambda self: replace(original(self), memory=0))
    source = zoo_source("LeNet").replace(
        "super().__init__()",
        "super().__init__(); self.x = [torch.ones(1 << 22) for _ in range(400)]",
    )
    with (
        Sandbox(Limits(memory=1 << 30, screen_seconds=60)) as sandbox,
        pytest.raises(Refusal) as caught,
    ):
        Evaluator(sandbox).screen(source, IMAGES)
    assert caught.value.verdict is Verdict.MEMORY


def test_a_machine_that_cannot_isolate_runs_nothing(monkeypatch):
    lacking = Property("no network", False, "seccomp", "no filter here; use another machine")
    monkeypatch.setattr(client_module, "report", lambda: [lacking])
    with pytest.raises(UserError, match=r"no network.*--unsafe"), Sandbox():
        pass


def test_every_property_is_reported():
    assert len({each.name for each in report()}) == len(report()) >= 8
    assert all(each.mechanism for each in report())


def test_a_dead_warm_process_is_started_again():
    with Sandbox() as sandbox:
        evaluator = Evaluator(sandbox)
        before = evaluator.screen(zoo_source("LeNet"), IMAGES)
        os.kill(sandbox._process.pid, signal.SIGKILL)
        sandbox._process.wait()
        after = evaluator.screen(zoo_source("LeNet"), IMAGES)
    assert after.structure_digest == before.structure_digest


def test_leaving_ends_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Sandbox() as sandbox, sandbox.worker():
        warm = sandbox._process.pid
        assert [path.name[:7] for path in tmp_path.iterdir()] == ["lemur2-"]
    assert not list(tmp_path.iterdir())
    end = time.monotonic() + 5
    while Path(f"/proc/{warm}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_torch_nothing_starts(monkeypatch):
    monkeypatch.setattr(client_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"torch is not installed.*pip install"), Sandbox():
        pass
