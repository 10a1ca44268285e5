"""Two processes that grow into one corpus at the same time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lemur2.corpus import Corpus

SMALL = (
    *("--depths", "1,2", "--columns", "1,2", "--widths", "4,8"),
    *("--max-multiplications", "1000000", "--workers", "1"),
)


def command(place: Path, *more: str) -> list[str]:
    grow = ("grow", "fractal", "-n", "6", "--dataset", "digits", *SMALL, "--db", str(place))
    return [sys.executable, "-m", "lemur2", *grow, *more]


def start(place: Path, *more: str) -> subprocess.Popen:
    return subprocess.Popen(
        command(place, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def content(place: Path, seed: int) -> list:
    with Corpus.open(place) as corpus:
        return [run for run in corpus.content_dump()["runs"] if run["seed"] == seed]


@pytest.mark.slow
def test_what_two_runs_give_does_not_depend_on_each_other(tmp_path):
    """The second begins while the first is at work, and is killed and resumed meanwhile."""
    alone, both = tmp_path / "alone.db", tmp_path / "both.db"
    subprocess.run(command(alone, "--seed", "1"), check=True, stdout=subprocess.DEVNULL)

    with Corpus.open(both, create=True):
        pass
    first, second = start(both, "--seed", "0"), start(both, "--seed", "1")
    try:
        number = _recorded(both, seed=1)
    finally:
        second.kill()
        second.communicate()
        first.communicate(timeout=120)
    assert first.returncode == 0
    shown = [sys.executable, "-m", "lemur2", "runs", "--db", str(both)]
    assert "interrupted" in subprocess.run(shown, capture_output=True, text=True).stdout
    resumed = [sys.executable, "-m", "lemur2", "resume", str(number), "--db", str(both)]
    subprocess.run(resumed, check=True, stdout=subprocess.DEVNULL)

    (expected,), (found,) = content(alone, 1), content(both, 1)
    for run in (expected, found):
        run["config"].pop("pool")  # ids, which depend on what was there when it began
    assert found == expected

    again = subprocess.run(command(both, "--seed", "1"), capture_output=True, text=True)
    assert again.returncode == 0
    said = " ".join(again.stdout.split())
    assert "nothing was trained: 6 of 6 " in said
    assert "were trained already under this protocol" in said
    assert "change --seed, --epochs or the data set" in said


def _recorded(place: Path, seed: int) -> int:
    """The number of the run of a seed, once it has recorded something."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with Corpus.open(place) as corpus:
            for run in corpus.runs():
                if run.seed == seed and run.done:
                    return run.id
        time.sleep(0.1)
    raise AssertionError("the run recorded nothing")
