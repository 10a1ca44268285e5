"""`kill -9` of genetic search: after `resume` the final population is the undisturbed one."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lemur2.corpus import Corpus

COMMON = (
    *("grow", "genetic", "-n", "24", "--dataset", "digits", "--scale", "0.0625"),
    *("--population", "6", "--window", "4", "--max-multiplications", "500000"),
)
KILLED_AT = (3, 9, 17)  # attempts with a verdict


def lemur2(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "lemur2", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def done(path):
    if not path.exists():
        return 0
    with Corpus.open(path, create=True) as corpus:
        runs = corpus.runs()
        return runs[0].done if runs else 0


def kill_at(process, path, count):
    """Kill once so many attempts have a verdict."""
    end = time.monotonic() + 120
    while done(path) < count:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode",
    [
        ("--mode", "generations", "--workers", "2"),
        ("--mode", "aging", "--order", "asked", "--workers", "2"),
        ("--mode", "aging", "--order", "finished", "--workers", "1", "--window", "1"),
    ],
    ids=["generations", "aging-asked", "aging-finished"],
)
def test_the_final_population_is_the_undisturbed_one(tmp_path, mode):
    plain, disturbed = tmp_path / "plain.db", tmp_path / "disturbed.db"
    assert lemur2(*COMMON, *mode, "--db", str(plain)).wait() == 0
    process = lemur2(*COMMON, *mode, "--db", str(disturbed))
    for count in KILLED_AT:
        kill_at(process, disturbed, count)
        process = lemur2("resume", "1", "--db", str(disturbed))
    assert process.wait() == 0
    with Corpus.open(plain) as one, Corpus.open(disturbed) as other:
        assert other.run(1).status == "finished"
        assert other.run(1).state == one.run(1).state
        assert other.content_dump() == one.content_dump()


@pytest.mark.long
def test_as_they_finish_a_killed_run_goes_on_from_what_it_heard(tmp_path):
    """With several workers the order is the machine's; still nothing is lost or told twice."""
    path = tmp_path / "aging.db"
    process = lemur2(*COMMON, "--mode", "aging", "--workers", "2", "--db", str(path))
    kill_at(process, path, 9)
    assert lemur2("resume", "1", "--db", str(path)).wait() == 0
    with Corpus.open(path) as corpus:
        run, attempts = corpus.run(1), corpus.attempts(1)
    assert (run.status, run.done, run.told) == ("finished", 24, 24)
    assert sorted(attempt.told for attempt in attempts) == list(range(24))
    heard = sorted(attempts, key=lambda attempt: attempt.told)
    scored = [a.candidate.parameters["individual"] for a in heard if a.outcome.score is not None]
    assert [each["number"] for each in run.state["living"]] == scored[-6:]
