"""A writer that is killed at any instant leaves what it had reported, whole, and goes on."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from killed_writer import planned

from lemur2.corpus import Corpus

KILLS = 10


def write_and_kill(place: Path, seconds: float) -> list[list[str]]:
    """Let the writer write for a while, kill it; what it reported."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    writer = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("killed_writer.py"), place],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()  # it is at work
    time.sleep(seconds)
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read()
    writer.wait()
    assert writer.returncode == -signal.SIGKILL
    return [line.split() for line in (first + rest).splitlines(keepends=True) if line[-1] == "\n"]


def test_killed_at_random_instants(tmp_path):
    place = tmp_path / "a.db"
    rng = random.Random(5)
    recorded: set[int] = set()
    asked = 0
    for _ in range(KILLS):
        for what, number in write_and_kill(place, rng.uniform(0, 0.12)):
            if what == "recorded":
                assert int(number) not in recorded  # nothing is done twice
                recorded.add(int(number))
            else:
                asked = max(asked, int(number))
        with Corpus.open(place, read_only=True) as corpus:
            run = corpus.runs()[0]
            assert run.asked >= asked
            assert run.state == {"next": run.asked}
            outcomes = corpus.outcomes(run.id)
            assert set(outcomes) >= recorded
            recorded = set(outcomes)  # the last report may have been cut off
            assert outcomes == {index: planned(index) for index in outcomes}
            stored = {trial.architecture for trial in corpus.trials(run_id=run.id)}
            expected = {item.name for item in outcomes.values() if item.trial}
            assert stored == expected
            assert all(corpus.architecture(name) for name in expected)
    assert recorded
    with sqlite3.connect(place) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_killed_while_it_is_created(tmp_path):
    """Whatever instant it is killed at, the next one opens it and works."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    for number, delay in enumerate([0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6]):
        place = tmp_path / f"{number}.db"
        creator = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("killed_writer.py"), place],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        time.sleep(delay)
        creator.kill()
        creator.wait()
        with Corpus.open(place, create=True) as corpus:
            run = corpus.runs()[0].id if corpus.runs() else None
            assert run is None or corpus.outcomes(run) is not None
