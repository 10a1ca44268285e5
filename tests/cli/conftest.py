"""The command line as a function, and a small corpus for it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from lemur2.architecture import Candidate, Verdict
from lemur2.cli import main
from lemur2.corpus import Corpus, Epoch, Facts, Outcome, TrialResult


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict]:
        """What `--json` printed."""
        return [json.loads(line, parse_constant=pytest.fail) for line in self.out.splitlines()]


@pytest.fixture
def lemur2():
    """Run `lemur2 ARGUMENTS` in this process."""

    def run(*arguments: object) -> Ended:
        ended = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if ended.exception and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def start_lemur2():
    """Start `lemur2 ARGUMENTS` as a process."""

    def start(*arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-c", "from lemur2.cli import main; main(prog_name='lemur2')"]
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    return start


@pytest.fixture
def db(tmp_path, small_corpus):
    """A corpus of a run with two networks that trained, one that failed, one pending."""
    return shutil.copy(small_corpus, tmp_path / "small.db")


@pytest.fixture(autouse=True)
def unlimited_width(monkeypatch):
    """Output as a pipe gets it, whatever terminal the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    """What `db` is a copy of."""
    facts = Facts(
        input_size=32,
        sample_shape=(1, 32, 32),
        outputs=(10,),
        parameters=61_706,
        flops=833_000,
        memory=3 << 20,
        seconds=0.125,
        structure_digest="abc",
        notes=("an auxiliary head without gradient",),
    )
    place = tmp_path_factory.mktemp("small") / "small.db"
    with Corpus.open(place, create=True) as corpus:
        run_id = corpus.start_run(
            verb="grow",
            generator="fractal",
            config={"depth": 3},
            seed=7,
            protocol={"dataset": "digits"},
            limits={},
            total=4,
            environment={"torch": "2"},
        )
        candidates = [
            Candidate(
                source=f"# network {number} [bold]\nx = '\x1b[31m'\n",
                generator="fractal",
                prefix="F",
                parents=("LeNet",),
            )
            for number in range(4)
        ]
        asked = [(item, f"F-{number}", f"d{number}") for number, item in enumerate(candidates)]
        corpus.advance(run_id, told=0, state={"secret": "long"}, asked=asked)
        for number in range(2):
            epochs = tuple(
                Epoch(
                    epoch=epoch, score=0.5 + number / 10 + epoch / 100, loss=1, seconds=2, memory=1
                )
                for epoch in (1, 2)
            )
            trial = TrialResult(
                task="img-classification",
                dataset="digits",
                metric="acc",
                transform="norm_32",
                hyperparameters={"lr": 0.01, "batch": 64, "shape": [1, 2]},
                seed=7,
                verdict=Verdict.OK,
                epochs=epochs,
            )
            corpus.record(
                run_id,
                number,
                Outcome(
                    candidate=candidates[number],
                    name=f"F-{number}",
                    digest=f"d{number}",
                    verdict=Verdict.OK,
                    facts=facts,
                    trial=trial,
                ),
            )
        failed = Outcome(
            candidate=candidates[2], name="F-2", digest="d2", verdict=Verdict.BUILD, reason="no"
        )
        corpus.record(run_id, 2, failed)
    return place
