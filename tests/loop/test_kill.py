"""`kill -9` of `lemur2 grow` at random instants: after `resume` nothing is lost or twice."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lemur2.corpus import Corpus

KILLS = 20
COMMAND = (
    *(sys.executable, "-m", "lemur2"),
    *("grow", "fractal", "-n", "24", "--dataset", "digits", "--workers", "2"),
    *("--depths", "1,2", "--columns", "1,2", "--widths", "4,8", "--max-multiplications", "1000000"),
)


@pytest.mark.long
def test_killed_twenty_times(tmp_path, monkeypatch):
    plain, disturbed = tmp_path / "plain.db", tmp_path / "disturbed.db"
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where scratch folders are made
    subprocess.run([*COMMAND, "--db", str(plain)], check=True, stdout=subprocess.DEVNULL)
    instants = random.Random(0)

    _kill_begun([*COMMAND, "--db", str(disturbed)], disturbed, instants.uniform(0, 1.5))
    for _ in range(KILLS - 1):
        _kill_after(_resume(disturbed), instants.uniform(1.5, 5.5))
    _without_its_warm_process(_resume(disturbed), disturbed, instants)

    with Corpus.open(plain) as one, Corpus.open(disturbed) as other:
        assert other.run(1).status == "finished"
        assert other.content_dump() == one.content_dump()
        assert len(other.attempts(1)) == 24
    _wait_until(lambda: not list(tmp_path.glob("lemur2-*")))


@pytest.mark.long
def test_the_warm_process_killed_again_and_again(tmp_path, monkeypatch):
    plain, disturbed = tmp_path / "plain.db", tmp_path / "disturbed.db"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    subprocess.run([*COMMAND, "--db", str(plain)], check=True, stdout=subprocess.DEVNULL)

    command = [*COMMAND, "--db", str(disturbed)]
    killed = _without_its_warm_process(command, disturbed, random.Random(1))

    assert killed >= 2
    with Corpus.open(plain) as one, Corpus.open(disturbed) as other:
        assert other.content_dump() == one.content_dump()
    assert not list(tmp_path.glob("lemur2-*"))


def _without_its_warm_process(command: list[str], path: Path, instants: random.Random) -> int:
    """Run a command to its end and kill its warm process twice meanwhile; how often that was.

    Each time after it has worked: one that dies while it starts is the machine's fault.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    killed: set[int] = set()
    known, before = 0, _recorded(path)
    while process.poll() is None:
        for warm in _children(process.pid) - killed:
            if warm != known:
                known, before = warm, _recorded(path)
            elif len(killed) < 2 and _recorded(path) > before:
                time.sleep(instants.uniform(0, 0.3))
                with contextlib.suppress(ProcessLookupError):  # it ended with the command
                    os.kill(warm, signal.SIGKILL)
                    killed.add(warm)
        time.sleep(0.02)
    assert process.returncode == 0
    return len(killed)


def _recorded(path: Path) -> int:
    """How many attempts of the run have a verdict."""
    if _run_of(path) is None:
        return 0
    with Corpus.open(path) as corpus:
        return corpus.run(1).done


def _children(pid: int) -> set[int]:
    """The processes that a process started and that still run."""
    found = set()
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found |= set(map(int, tasks.read_text().split()))
    return found


def _run_of(path: Path) -> int | None:
    if not path.exists():
        return None
    with Corpus.open(path, create=True) as corpus:
        runs = corpus.runs()
    return runs[0].id if runs else None


def _resume(path: Path) -> list[str]:
    return [sys.executable, "-m", "lemur2", "resume", "1", "--db", str(path)]


def _kill_begun(command: list[str], path: Path, seconds: float) -> None:
    """Kill it so long after its run is in the ledger, which is once its sandbox has started."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _wait_until(lambda: _run_of(path) is not None, 120, "the run never began")
        time.sleep(seconds)
        process.kill()


def _kill_after(command: list[str], seconds: float) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until(
    condition, seconds: float = 20, otherwise: str = "a killed run left something behind"
) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)
