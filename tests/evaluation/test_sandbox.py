"""The sandbox's own promises, beside those that the hostile suite attacks."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driving import OnSandbox, screen, train
from nets import net

from lemur2.architecture import Refusal, Verdict
from lemur2.architecture.zoo import zoo_source
from lemur2.errors import UserError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.workers import CandidateSandbox
from lemur2.sandbox import Property, Worker, again, report
from lemur2.sandbox import client as client_module
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
        CandidateSandbox(Limits(memory=1 << 30, screen_seconds=60)) as sandbox,
        pytest.raises(Refusal) as caught,
    ):
        screen(OnSandbox(sandbox), source, IMAGES)
    assert caught.value.verdict is Verdict.MEMORY


def test_a_machine_that_cannot_isolate_runs_nothing(monkeypatch):
    lacking = Property("no network", False, "seccomp", "no filter here; use another machine")
    monkeypatch.setattr(client_module, "report", lambda: [lacking])
    with pytest.raises(UserError, match=r"no network.*--unsafe"), CandidateSandbox():
        pass


def test_every_property_is_reported():
    assert len({each.name for each in report()}) == len(report()) >= 8
    assert all(each.mechanism for each in report())


def test_a_dead_warm_process_is_started_again():
    with CandidateSandbox() as sandbox:
        evaluator = OnSandbox(sandbox)
        before = screen(evaluator, zoo_source("LeNet"), IMAGES)
        os.kill(sandbox._process.pid, signal.SIGKILL)
        sandbox._process.wait()
        after = screen(evaluator, zoo_source("LeNet"), IMAGES)
    assert after.structure_digest == before.structure_digest


def test_a_warm_process_that_dies_while_it_starts_again_is_started_once_more(monkeypatch):
    started = []

    def stillborn(*arguments, **options):
        started.append(start(*arguments, **options))
        if len(started) == 1:
            started[0].kill()
        return started[-1]

    with CandidateSandbox() as sandbox:
        start = client_module.subprocess.Popen
        monkeypatch.setattr(client_module.subprocess, "Popen", stillborn)
        os.kill(sandbox._process.pid, signal.SIGKILL)
        sandbox._process.wait()
        facts = screen(OnSandbox(sandbox), zoo_source("LeNet"), IMAGES)
    assert len(started) == 2
    assert facts.parameters == 62006


def test_a_training_is_the_same_where_the_warm_process_dies_under_it():
    plan = Plan.of(Protocol(dataset="digits", epochs=2))
    with CandidateSandbox() as sandbox:
        evaluator = OnSandbox(sandbox)
        told = []

        def kill_once(epoch):
            told.append(epoch.epoch)
            if len(told) == 1:
                os.kill(sandbox._process.pid, signal.SIGKILL)
            return True

        killed = train(evaluator, zoo_source("LeNet"), plan, on_epoch=kill_once)
        whole = train(evaluator, zoo_source("LeNet"), plan)
    assert told == [1, 2]
    assert killed.verdict is whole.verdict is Verdict.OK
    results = [[(e.epoch, e.score, e.loss) for e in each.epochs] for each in (killed, whole)]
    assert results[0] == results[1]


def test_a_warm_process_that_dies_every_time_is_the_machines_fault():
    with CandidateSandbox() as sandbox:
        evaluator = OnSandbox(sandbox)
        deaths = []

        def kill(_):
            deaths.append(1)
            os.kill(sandbox._process.pid, signal.SIGKILL)
            sandbox._process.wait()

        plan = Plan.of(Protocol(dataset="digits"))
        with pytest.raises(UserError, match=r"fault of the machine.*lemur2 resume"):
            again(lambda: _killed(evaluator, plan, kill))
        assert len(deaths) == 3
        honest = screen(evaluator, zoo_source("LeNet"), IMAGES)
    assert honest.parameters == 62006


def _killed(evaluator, plan, kill):
    with evaluator.given.worker() as worker:
        kill(worker)
        worker.receive(deadline=time.monotonic() + 30)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path))
    return Plan.of(Protocol(dataset="digits"))


def _write(path, array):
    path.chmod(0o600)
    np.save(path, array)


DAMAGE = {
    "cut off": lambda path: os.truncate(path, path.stat().st_size // 2),
    "emptied": lambda path: os.truncate(path, 0),
    "gone": Path.unlink,
    "another type": lambda path: _write(path, np.load(path).astype(np.complex64)),
    "another shape": lambda path: _write(path, np.load(path)[:-1]),
    "no array": lambda path: path.write_bytes(b"no array at all"),
}


@pytest.mark.parametrize("what", ["inputs", "targets"])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_prepared_data_is_said_before_work_starts(prepared, damage, part, what):
    path = getattr(prepared.data, f"{what}_path")(part)
    DAMAGE[damage](path)
    with pytest.raises(UserError) as caught:
        Plan.of(prepared.protocol)
    assert str(path) in str(caught.value)
    assert f"delete {prepared.data.folder}" in str(caught.value)
    assert str(caught.value).isprintable()


def test_classes_that_there_are_not_are_damage(prepared):
    path = prepared.data.targets_path("train")
    _write(path, np.load(path) + 5)
    with pytest.raises(UserError, match="classes that there are not"):
        Plan.of(prepared.protocol)


def test_data_that_is_damaged_while_a_network_trains_is_no_verdict(prepared):
    def cut(_):
        os.truncate(prepared.data.targets_path("train"), 200)
        return True

    longer = replace(prepared, protocol=prepared.protocol.with_(epochs=2))
    with CandidateSandbox() as sandbox, pytest.raises(UserError, match="prepared data is damaged"):
        train(OnSandbox(sandbox), zoo_source("LeNet"), longer, on_epoch=cut)


def test_leaving_ends_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with CandidateSandbox() as sandbox, sandbox.worker():
        warm = sandbox._process.pid
        assert [path.name[:7] for path in tmp_path.iterdir()] == ["lemur2-"]
    assert not list(tmp_path.iterdir())
    end = time.monotonic() + 5
    while Path(f"/proc/{warm}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


# As this machine is, and as one with an older kernel that forbids namespaces.
SETTINGS = ({}, {"namespaces": False, "landlock": 5})


@pytest.fixture(scope="module", params=SETTINGS, ids=["as it is", "old"])
def machine(request):
    """Evaluates on such a machine."""
    with CandidateSandbox(Limits(screen_seconds=500), **request.param) as sandbox:
        yield OnSandbox(sandbox)


WRITES = """
        from pathlib import Path
        import os, shutil, tempfile
        for _ in range(2):
            torch.save(self.state_dict(), "last.pt")
            assert len(torch.load("last.pt")) == 2
            os.makedirs("out/logs", exist_ok=True)
            (Path("out") / "log.txt").write_text("1")
            with open(Path.home() / "log.txt", "a") as log:
                log.write("1")
            with tempfile.NamedTemporaryFile() as named, tempfile.TemporaryFile() as unnamed:
                named.write(b"1"), unnamed.write(b"1")
            with tempfile.TemporaryDirectory() as folder:
                shutil.copyfile("last.pt", Path(folder) / "best.pt")
        assert set(os.listdir()) >= {"last.pt", "log.txt", "out"}
"""


def test_what_honest_code_writes_lands_in_scratch(machine):
    assert screen(machine, net(build=WRITES), IMAGES).outputs == (10,)
    assert list(machine.given._scratch.iterdir()) == []


def test_a_scratch_folder_of_its_own_takes_removals_and_renames(machine):
    source = net(
        build="""
        import os, shutil
        os.makedirs("a/b")
        os.makedirs("c")
        open("new", "w").close()
        os.replace("new", "c/old")
        shutil.rmtree("a")
        assert os.listdir() == ["c"] and os.listdir("c") == ["old"]
"""
    )
    if not machine.given.namespaces or not isolation_offers_namespaces():
        with pytest.raises(Refusal, match="not permitted"):
            screen(machine, source, IMAGES)
    else:
        assert screen(machine, source, IMAGES).outputs == (10,)


def isolation_offers_namespaces():
    return "empty network" in {each.name: each.note for each in report()}["no network"]


def test_writing_too_much_says_so(machine):
    source = net(build='torch.save(torch.zeros(40 << 20), "large.pt")')
    with pytest.raises(Refusal, match="wrote more to disk than is allowed") as caught:
        screen(machine, source, IMAGES)
    assert caught.value.verdict is Verdict.FORBIDDEN


SIGNALS = """
        import fcntl, os, signal, struct, time
        read, write = os.pipe()
        for command, argument in ((8, {victim}), (15, struct.pack("ii", 1, {victim}))):
            try:
                fcntl.fcntl(read, command, argument)
            except PermissionError as error:
                refused = error
        try:
            fcntl.fcntl(read, 10, signal.SIGKILL)
            fcntl.fcntl(read, fcntl.F_SETFL, fcntl.fcntl(read, fcntl.F_GETFL) | os.O_ASYNC)
            os.write(write, b"x")
        finally:
            raise refused
"""


def test_no_descriptor_signals_another_process_whatever_landlock_can_do(machine):
    with subprocess.Popen(["sleep", "60"]) as victim:
        with pytest.raises(Refusal) as caught:
            screen(machine, net(build=SIGNALS.format(victim=victim.pid)), IMAGES)
        time.sleep(0.1)
        alive = victim.poll() is None
        victim.kill()
    assert caught.value.verdict is Verdict.FORBIDDEN
    assert alive


def test_who_leaves_its_channel_is_ended_at_once(machine):
    source = net(build="import os, time; os.close(3); time.sleep(600)")
    with pytest.raises(Refusal) as caught:
        screen(machine, source, IMAGES)
    assert caught.value.verdict is Verdict.CRASH


def test_without_torch_nothing_starts(monkeypatch):
    monkeypatch.setattr(client_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"torch is not installed.*pip install"), CandidateSandbox():
        pass


def test_an_import_of_a_package_with_data_is_refused_as_an_import():
    source = "import mlxtend\n" + zoo_source("LeNet")
    with (
        CandidateSandbox() as sandbox,
        pytest.raises(Refusal, match="may not read: mlxtend") as caught,
    ):
        screen(OnSandbox(sandbox), source, IMAGES)
    assert caught.value.verdict is Verdict.IMPORT
