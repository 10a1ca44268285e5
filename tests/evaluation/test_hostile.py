"""The hostile suite: every attack ends in the right verdict and leaves nothing behind.

`tests/hostile/README.md` says what each file does and what its first line means.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from driving import OnSandbox, screen

from lemur2.architecture import Architecture, Candidate, Refusal
from lemur2.architecture.zoo import zoo_source
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.jobs import Screen
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.workers import CandidateSandbox
from lemur2.tasks import task

FOLDER = Path(__file__).parents[1] / "hostile"
ATTACKS = sorted(path.stem for path in FOLDER.glob("*.py"))
HEAD = re.compile(
    r"# expect: (?P<verdicts>.+?)  when: (?P<when>\w+)(  data: (?P<data>\S+))?"
    r"(  epochs: (?P<epochs>\d+))?"
)
CHANCE = 0.2  # of ten classes, with room for one class being more frequent than the others
CHEATS = ("labels_", "patch_", "text_", "forged_", "predictions_lie")
GIB = 1 << 30
NOBODY = 65534

LIMITS = Limits(screen_seconds=10, train_seconds=14, memory=1 * GIB)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home folder with something to steal."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".bashrc").write_text("export SECRET=1\n")
    (folder / ".ssh").mkdir()
    (folder / ".ssh" / "id_canary").write_text("private\n")
    (folder / ".cache" / "lemur2").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def evaluator(home):
    kept = dict(os.environ)
    os.environ.update(
        HOME=str(home),
        LEMUR2_CANARY="sings",
        LEMUR2_CACHE=kept.get("LEMUR2_CACHE", str(Path(kept["HOME"]) / ".cache/lemur2")),
    )
    try:
        with CandidateSandbox(LIMITS) as sandbox:
            with OnSandbox(sandbox) as entered:
                yield entered
    finally:
        os.environ.clear()
        os.environ.update(kept)


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_ends_in_its_verdict_and_leaves_nothing(name, evaluator, home, tmp_path):
    marker = tmp_path / "marker"
    text = (FOLDER / f"{name}.py").read_text()
    source = text.replace("@MARKER@", str(marker)).replace("@HOME@", str(home))
    head = HEAD.match(text)
    before = _snapshot(home)
    started = time.monotonic()

    verdict, reason, score = _run(evaluator, name, source, head)

    assert verdict in head["verdicts"].split(", "), reason
    assert "\n" not in reason
    assert len(reason) < 1000
    if score is not None and name.startswith(CHEATS):
        assert score <= CHANCE, f"a network that learned nothing scored {score}"
    assert time.monotonic() - started < 3 * LIMITS.train_seconds
    assert not marker.exists()
    assert _snapshot(home) == before
    assert _workers(evaluator) == []
    assert list(evaluator.given._scratch.iterdir()) == []
    honest = screen(evaluator, zoo_source("LeNet"), task("img-classification"))
    assert honest.parameters == 62006


# As on a distribution that forbids unprivileged namespaces, and on kernels with older Landlock.
SETTINGS = {
    "no namespaces": {"namespaces": False},
    "Landlock 5": {"landlock": 5},
    "Landlock 1, no namespaces": {"landlock": 1, "namespaces": False},
}
IN_EVERY_SETTING = (
    *("sockets_internet", "sockets_unix", "signals", "signals_descriptors", "fork_os"),
    *("fork_syscalls", "read_processes", "read_process_memory", "kernel_surface", "escape_limits"),
    *("read_home", "write_home", "disk_deep_folders", "disk_long_paths", "disk_hidden_folders"),
    *("disk_held_files", "disk_moving_folders", "disk_links", "folder_removed", "channel_closed"),
)


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_isolation_rests_on_what_every_machine_has(setting, home):
    with CandidateSandbox(LIMITS, **setting) as sandbox, OnSandbox(sandbox) as entered:
        for name in IN_EVERY_SETTING:
            _ends_well(entered, name, home)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_all_attacks_end_well_on_every_machine(setting, home):
    with CandidateSandbox(LIMITS, **setting) as sandbox, OnSandbox(sandbox) as entered:
        for name in ATTACKS:
            _ends_well(entered, name, home)


@pytest.mark.slow
def test_all_attacks_end_well_for_an_ordinary_user(public_folder):
    """This file again, by a user who is not root."""
    python = Path(sys.executable)
    nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    environment = {**os.environ, "HOME": str(public_folder), "TMPDIR": str(public_folder)}
    try:
        subprocess.run([python, "-c", "import torch"], env=environment, check=True, **nobody)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("an ordinary user may not run this interpreter, or nobody may be one here")
    command = [*(python, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", __file__)]
    command += ["-m", "", "--deselect", f"{__file__}::{_ordinary_user_test()}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, **nobody)
    assert done.returncode == 0, done.stdout[-5000:]


def _ordinary_user_test():
    return test_all_attacks_end_well_for_an_ordinary_user.__name__


@pytest.fixture
def public_folder():
    """A folder that every user may write to (pytest's own are private)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def _ends_well(evaluator, name, home):
    text = (FOLDER / f"{name}.py").read_text()
    source = text.replace("@HOME@", str(home)).replace("@MARKER@", str(home / "marker"))
    head = HEAD.match(text)
    verdict, reason, _ = _run(evaluator, name, source, head)
    assert verdict in head["verdicts"].split(", "), (name, reason)
    assert list(evaluator.given._scratch.iterdir()) == [], name


def test_the_data_survives(evaluator):
    """After all attacks (this test is the last of its file) the prepared data is as it was."""
    plan = Plan.of(Protocol(dataset="mnist-5k"))
    assert _digest(plan.data.inputs_path("train")) == _digest_before["inputs"]


_digest_before: dict[str, str] = {}


@pytest.fixture(scope="module", autouse=True)
def _remember_the_data():
    plan = Plan.of(Protocol(dataset="mnist-5k"))
    _digest_before["inputs"] = _digest(plan.data.inputs_path("train"))


def _run(evaluator, name, source, head):
    try:
        architecture = Architecture.parse(source)
    except Refusal as refusal:
        return refusal.verdict.value, str(refusal), None
    data = head["data"] or "mnist-5k"
    epochs = int(head["epochs"] or 1)
    if head["when"] == "check" and not head["data"]:
        how = {"screen": Screen.at_sizes(source, task("img-classification"))}
    else:
        plan = Plan.of(Protocol(dataset=data, epochs=epochs))
        how = {"plan": plan, "max_flops": None if head["when"] == "train" else 0}
    candidate = Candidate(source=source, generator="hostile")
    named = {"name": architecture.name, "digest": architecture.digest}
    outcome = evaluator.evaluate(Evaluation(candidate=candidate, **named, **how)).result()
    return outcome.verdict.value, outcome.reason, outcome.score


def _snapshot(folder: Path) -> dict[str, tuple[int, float, bytes]]:
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime, _content(path))
        for path in sorted(folder.rglob("*"))
    }


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _workers(evaluator) -> list[int]:
    """Processes whose parent is the warm process, or that work in the sandbox's scratch folder."""
    warm = evaluator.given._process.pid
    scratch = str(evaluator.given._scratch)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == warm:
            continue
        try:
            parent = int(re.search(r"PPid:\s+(\d+)", (entry / "status").read_text())[1])
            folder = os.readlink(entry / "cwd")
        except (OSError, TypeError):
            continue
        if parent == warm or folder.startswith(scratch + "/"):
            found.append(int(entry.name))
    return found
