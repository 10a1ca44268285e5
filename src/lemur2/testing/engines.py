"""The conformance suite of an engine: inherit `EngineSuite`, supply the fixture `kind`.

class TestCluster(EngineSuite):
@pytest.fixture(scope="class")
def kind(self):
return ClusterEngine
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from typing import Any

import pytest

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.errors import UserError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.jobs import Listener, Screen, Screened, Train
from lemur2.evaluation.plan import Plan
from lemur2.sandbox import EngineLost, Sandbox
from lemur2.testing.jobs import LOOPS, RAISES


class EngineSuite:
    """What every engine must keep; each test is one clause of the contract in `engines.base`."""

    @pytest.fixture(scope="class")
    def kind(self) -> type[Engine]:
        """The class of the engine under test."""
        raise NotImplementedError("supply a fixture `kind` that gives the class of your engine")

    @pytest.fixture(scope="class")
    def entered(self, kind: type[Engine]) -> Iterator[Engine]:
        """An entered engine of two workers."""
        with kind(Limits(screen_seconds=60, train_seconds=120), workers=2) as engine:
            yield engine

    def test_declares_itself(self, kind: type[Engine]) -> None:
        """A name fit for the command line, and a line for people."""
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name)
        assert kind.about

    def test_is_used_in_a_block(self, kind: type[Engine]) -> None:
        """What is submitted outside of one is an error that says so."""
        engine = kind()
        assert not engine.entered
        assert engine.workers >= 1
        with pytest.raises(UserError, match="with"):
            engine.submit(Screen.example())

    def test_gives_futures_of_reports(self, entered: Engine) -> None:
        """The same report for jobs of one value, but for the time that they took."""
        futures = [entered.submit(Screen.example()) for _ in range(5)]
        digests = {future.result().facts.structure_digest for future in futures}
        assert digests == {entered.run(Screen.example()).facts.structure_digest}

    def test_a_refusal_is_the_futures(self, entered: Engine) -> None:
        """With its verdict; a job after it is not harmed."""
        refused = entered.submit(Screen.example(RAISES))
        good = entered.submit(Screen.example())
        with pytest.raises(Refusal) as caught:
            refused.result()
        assert caught.value.verdict is Verdict.IMPORT
        assert good.result().facts.parameters > 0

    def test_a_listener_hears_each_epoch_once(self, entered: Engine) -> None:
        """In order, and what is reported is what was heard."""
        plan = Plan.of(Protocol(dataset="digits", epochs=2))
        heard = Heard()
        trial = entered.submit(Train(source=SMALL_NETWORK, plan=plan), heard).result()
        assert heard.epochs == [1, 2] == [epoch.epoch for epoch in trial.epochs]
        assert heard.environment == trial.environment
        assert {"torch", "python", "device", "threads"} <= trial.environment.keys()

    def test_an_evaluation_is_an_outcome(self, entered: Engine) -> None:
        """Whatever becomes of the candidate."""
        plan = Plan.of(Protocol(dataset="digits"))
        found = [
            entered.evaluate(_evaluation(source, plan)).result()
            for source in (SMALL_NETWORK, RAISES + SMALL_NETWORK)
        ]
        assert [outcome.verdict for outcome in found] == [Verdict.OK, Verdict.IMPORT]
        assert found[0].score is not None
        assert found[1].score is None

    def test_work_that_was_lost_is_done_again(self, entered: Engine) -> None:
        """A few times: then it is the machine's fault, and no verdict."""
        assert Losing(entered, losses=2).run().facts.parameters > 0
        with pytest.raises(UserError, match="gone 3 times"):
            Losing(entered, losses=99).run()

    def test_leaving_ends_what_still_runs(self, kind: type[Engine]) -> None:
        """And what waits; nothing is waited for."""
        with kind(Limits(screen_seconds=600), workers=1) as engine:
            running = engine.submit(Screen.example(LOOPS))
            waiting = engine.submit(Screen.example())
            while not running.running():
                threading.Event().wait(0.01)
        with pytest.raises((Refusal, UserError, CancelledError)):
            running.result(timeout=60)
        with pytest.raises(CancelledError):
            waiting.result(timeout=60)


class Heard(Listener):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.environment: Any = None

    def built(self, hyperparameters: Any, environment: Any) -> None:
        """See `Listener.built`."""
        self.environment = environment

    def epoch(self, epoch: Any) -> bool:
        """See `Listener.epoch`."""
        self.epochs.append(epoch.epoch)
        return True


class Losing:
    """An engine that loses its sandbox a number of times before it gives it."""

    def __init__(self, engine: Engine, losses: int) -> None:
        self.engine, self.losses = engine, losses

    def run(self) -> Screened:
        """Do a job."""
        return Screen.example().do(self._place)

    def _place(self) -> AbstractContextManager[Sandbox]:
        if self.losses:
            self.losses -= 1
            raise EngineLost("the machine is gone")
        return self.engine.sandbox()


def _evaluation(source: str, plan: Plan) -> Evaluation:
    candidate = Candidate(source=source, generator="test")
    return Evaluation(candidate=candidate, name="A", digest="d", plan=plan)
