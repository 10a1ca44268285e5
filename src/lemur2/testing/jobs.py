"""The conformance suite of a job: inherit `JobSuite`, supply the fixture `kind`.

    class TestCountLayers(JobSuite):
        @pytest.fixture(scope="class")
        def kind(self):
            return CountLayers

The job has to be announced by an installed package (entry-point group `lemur2.jobs`), since its
worker's side is found by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import Limits
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.jobs import Job, job_class
from lemur2.evaluation.jobs.base import taken, told

RAISES = "raise ValueError('as told')\n"
LEAVES = "import os; os._exit(7)\n"
LOOPS = "while True: pass\n"
FORGES = """
import gc
from lemur2.sandbox.channel import Channel
for each in gc.get_objects():
    if isinstance(each, Channel):
        each.send({"nonsense": [[]]})
"""
_SECONDS = 6.0  # what a worker gets


class JobSuite:
    """What every job must keep; each test is one clause of the contract in `evaluation.jobs`."""

    @pytest.fixture(scope="class")
    def kind(self) -> type[Job[Any]]:
        """The class of the job under test."""
        raise NotImplementedError("supply a fixture `kind` that gives the class of your job")

    @pytest.fixture(scope="class")
    def short_engine(self) -> Iterator[Engine]:
        """An engine whose workers have a few seconds."""
        limits = Limits(screen_seconds=_SECONDS, train_seconds=_SECONDS)
        with LocalEngine(limits, workers=1) as engine:
            yield engine

    def test_is_registered(self, kind: type[Job[Any]]) -> None:
        """By a name of its own, which workers find it by."""
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name)
        assert job_class(kind.name) is kind

    def test_is_plain_data(self, kind: type[Job[Any]]) -> None:
        """A worker gets a job of the same value, by way of JSON."""
        job = kind.example()
        sent = msgspec.json.decode(msgspec.json.encode(told(job)))
        assert told(taken(kind, sent)) == told(job)

    def test_a_good_candidate_passes(self, kind: type[Job[Any]], short_engine: Engine) -> None:
        """The example does, and its report says so."""
        job = kind.example()
        assert job.verdict(short_engine.run(job)) is Verdict.OK

    @pytest.mark.parametrize(
        ("top", "verdicts"),
        [
            (RAISES, {Verdict.IMPORT}),
            (LEAVES, {Verdict.CRASH}),
            (LOOPS, {Verdict.TIMEOUT}),
            (FORGES, {Verdict.FORBIDDEN}),
        ],
        ids=["refused", "crashes", "endless", "forged"],
    )
    def test_a_bad_candidate_is_refused(
        self, kind: type[Job[Any]], short_engine: Engine, top: str, verdicts: set[Verdict]
    ) -> None:
        """With the verdict that fits, and never by another exception; then the next one works."""
        if not kind.carries:
            pytest.skip("it brings no candidate")
        assert _verdict(kind.example(top), short_engine) in verdicts
        assert _verdict(kind.example(), short_engine) is Verdict.OK


def _verdict(job: Job[Any], engine: Engine) -> Verdict:
    try:
        return job.verdict(engine.run(job))
    except Refusal as refusal:
        return refusal.verdict
