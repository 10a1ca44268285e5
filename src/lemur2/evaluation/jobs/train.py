"""The job that trains a network, and is scored by the parent after every epoch.

Everything that decides a result happens on the parent's side: labels of held-out parts never leave
it, scores are computed from what the worker predicts, and time runs on its clock.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from lemur2 import corpus
from lemur2.architecture import Refusal, Verdict
from lemur2.corpus import Epoch, TrialResult
from lemur2.evaluation import reading
from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.jobs.base import (
    DRIVER,
    Bench,
    Job,
    Place,
    blameless,
    give,
    on,
    training_data,
)
from lemur2.evaluation.jobs.judge import (
    VERDICTS,
    Judge,
    Weights,
    judged,
    put_weights,
    take_weights,
)
from lemur2.evaluation.jobs.scoring import Judged, Score
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.protocol import Protocol
from lemur2.evaluation.weights import plan_to_text, to_bytes
from lemur2.metrics import best_of
from lemur2.sandbox import Awaited, Sandbox, Worker

_MOST_NUMBERS = 10_000  # in all of an epoch's diagnostics
_DEEPEST = 3  # axes of one of them


Keep = Literal["best", "last", "none"]


class Listener:
    """Hears how a training goes. Override what is of interest; by default nothing is."""

    def built(self, hyperparameters: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """The network was built; once.

        Args:
            hyperparameters: What it was built with, by its own word.
            environment: Of the worker: versions, machine, device, threads.
        """

    def began(self, fitting: int, others: Sequence[str]) -> None:
        """The network begins with given weights: how many fit, and what does not, and why."""

    def epoch(self, epoch: Epoch) -> bool:
        """An epoch was trained and scored; False ends the trial after it."""
        return True

    def printed(self, text: str) -> None:
        """The network printed something: untrusted text, in any pieces."""


@dataclass(frozen=True, kw_only=True)
class Train(Job[TrialResult]):
    """Trains a network under a plan, scoring the validation part after every epoch.

    A refusal is the trial's verdict, with the epochs that were finished; it is not raised.

    Attributes:
        source: The network's file.
        plan: What to train on, and how.
        test: Score the test part once, at the end.
        keep: Which weights the report brings: of the epoch with the best score, of the last one,
            or none. None come of a training that was refused.
        start: Weights to begin with, those that fit; a network that is built anew by default.
    """

    name: ClassVar[str] = "train"

    source: str
    plan: Plan
    test: bool = field(default=False, metadata=DRIVER)
    keep: Keep = field(default="none", metadata=DRIVER)
    start: Any = field(default=None, metadata=DRIVER)

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`."""
        return cls(source=top + SMALL_NETWORK, plan=Plan.of(Protocol(dataset="digits")))

    def verdict(self, report: TrialResult) -> Verdict:
        """See `Job.verdict`."""
        return report.verdict

    def do(self, place: Place, listener: Listener | None = None) -> TrialResult:
        """See `Job.do`; a refused training is a trial, too."""
        trial = _Trial(self, listener or Listener())
        verdict, reason = Verdict.OK, ""
        try:
            with blameless(self.plan):
                on(place, trial.run)
            reason = "; ".join(filter(None, (trial.output_note, trial.notes)))
        except Refusal as refusal:
            verdict, reason = refusal.verdict, str(refusal)
        return trial.result(verdict, reason)

    def work(self, bench: Bench) -> None:
        """See `Job.work`."""
        from lemur2.evaluation import training

        trainer = training.Trainer.of(self.plan, bench.device)
        training.train(bench.channel, trainer, self.source, self.plan, bench.arrays)
        bench.channel.send({"done": True})

    @classmethod
    def warm_up(cls) -> None:
        """Import what trains."""
        from lemur2.evaluation import training  # noqa: F401


class _Trial:
    """One training, from the parent's side."""

    sandbox: Sandbox  # where the attempt at hand is made

    def __init__(self, job: Train, listener: Listener) -> None:
        self.job, self.source, self.plan = job, job.source, job.plan
        self.listener = listener
        self.environment: Mapping[str, Any] = {}
        self.hyperparameters: Mapping[str, Any] = {  # until the worker says what it built with
            **self.plan.protocol.hyperparameters,
            "transform": self.plan.transform,
            "epoch": self.plan.protocol.epochs,
        }
        self.epochs: list[Epoch] = []
        self.told = -1  # epochs that the listener heard of; 0 says that it was built
        self.notes = ""  # what was different in the sandbox
        self.test_score: float | None = None
        self.output = self.output_note = ""
        self.deadline = 0.0
        self.weights: tuple[int, Weights] | None = None  # that are to be kept, with their epoch

    def result(self, verdict: Verdict, reason: str) -> TrialResult:
        """The trial as it stands."""
        plan = self.plan
        return TrialResult(
            task=plan.task.name,
            dataset=plan.protocol.dataset,
            metric=plan.metric,
            transform=plan.transform,
            hyperparameters=self.hyperparameters,
            seed=plan.protocol.seed,
            verdict=verdict,
            reason=reason,
            epochs=tuple(self.epochs),
            test_score=self.test_score,
            environment=self.environment,
            transform_source=plan.transform_source,
            output=self.output,
            weights=self._packed() if verdict is Verdict.OK else None,
        )

    def _packed(self) -> corpus.Weights | None:
        if self.weights is None:
            return None
        epoch, weights = self.weights
        text = plan_to_text(self.plan)
        return corpus.Weights(epoch=epoch, data=to_bytes(weights), plan=text)

    def run(self, sandbox: Sandbox) -> None:
        """Train from the start to the end. Raises Refusal.

        Run again, it gives the same, and the listener hears nothing twice.
        """
        self.sandbox, self.environment = sandbox, sandbox.environment
        self.epochs, self.test_score, self.weights = [], None, None
        self.deadline = time.monotonic() + sandbox.limits.train_seconds
        with self.sandbox.worker(training_data(self.plan), self.listener.printed) as worker:
            try:
                self._train(worker)
            finally:
                self.output, self.output_note = worker.output, worker.output_note

    def _train(self, worker: Worker) -> None:
        give(self.job, worker, self.sandbox, self.deadline)
        self.hyperparameters = read_hyperparameters(self._receive(worker))
        if self.job.start is not None:
            self._begin_with(worker, self.job.start)
        if self.told < 0:
            self.told = 0
            self.listener.built(self.hyperparameters, self.environment)
        for number in range(1, self.plan.protocol.epochs + 1):
            if not self._epoch(worker, number):
                return

    def _begin_with(self, worker: Worker, start: Weights) -> None:
        """Give the network those of some weights that fit it, and tell which do not."""
        own = take_weights(worker, self.source, self.sandbox.limits.memory, self.deadline)
        fits = {
            name: array
            for name, array in start.items()
            if name in own and own[name].shape == array.shape
        }
        others = [f"{name} (not in the network)" for name in start if name not in own]
        others += [f"{name} (another shape)" for name in start if name in own and name not in fits]
        others += [f"{name} (not in the file)" for name in own if name not in start]
        if self.told < 0:
            self.listener.began(len(fits), others)
        put_weights(worker, fits, self.source, self.deadline)

    def _receive(self, worker: Worker) -> Mapping[str, Any]:
        awaited = Awaited(verdicts=VERDICTS, lines=reading.lines(self.source))
        return worker.receive(deadline=self.deadline, awaited=awaited)[0]

    def _epoch(self, worker: Worker, number: int) -> bool:
        """One epoch; whether to go on."""
        worker.send({"do": "continue"}, deadline=self.deadline)
        started = time.monotonic()
        report = self._receive(worker)
        seconds = time.monotonic() - started
        memory, diagnostics = read_peak_memory(report), read_diagnostics(report)
        self.notes = read_notes(report)
        found = self._score(worker, "validation")
        epoch = Epoch(
            epoch=number,
            score=found.score,
            loss=found.loss,
            seconds=seconds,
            memory=memory,
            diagnostics=diagnostics,
        )
        self.epochs.append(epoch)
        more = self._tell(epoch)
        self._keep(worker, epoch, last=number == self.plan.protocol.epochs or not more)
        if self.job.test and (number == self.plan.protocol.epochs or not more):
            self.test_score = self._score(worker, "test").score
        return more

    def _keep(self, worker: Worker, epoch: Epoch, *, last: bool) -> None:
        """Take the weights that the network has now, where those are to be kept."""
        scores = [each.score for each in self.epochs]
        best = epoch.score == best_of(scores, self.plan.metric) and scores.count(epoch.score) == 1
        if (self.job.keep == "best" and best) or (self.job.keep == "last" and last):
            most = self.sandbox.limits.memory // 2  # what is trained has its gradients beside it
            self.weights = epoch.epoch, take_weights(worker, self.source, most, self.deadline)

    def _tell(self, epoch: Epoch) -> bool:
        """Tell of an epoch that was not told of yet; whether to go on."""
        if epoch.epoch <= self.told:
            return True
        self.told = epoch.epoch
        return self.listener.epoch(epoch)

    def _score(self, worker: Worker, part: Any) -> Score:
        with self._judge(worker) as judge:
            return judge.score(part)

    @contextlib.contextmanager
    def _judge(self, worker: Worker) -> Iterator[Judged]:
        """Who predicts: the worker that trains, or where the inputs tell, one of its weights."""
        if not self.plan.task.inputs_tell:
            yield judged(worker, self.source, self.plan, self.deadline)
            return
        weights = take_weights(worker, self.source, self.sandbox.limits.memory, self.deadline)
        judge = Judge(source=self.source, plan=self.plan, weights=weights)
        with judge.sitting(self.sandbox, self.deadline) as sitting:
            yield sitting


def read_hyperparameters(report: Mapping[str, Any]) -> dict[str, int | float | str]:
    """What the network was built with. Raises Refusal."""
    with reading.readable():
        return {name: reading.value(raw) for name, raw in reading.named(report["prm"]).items()}


def read_peak_memory(report: Mapping[str, Any]) -> int:
    """Peak resident bytes of the worker after an epoch, by its own word. Raises Refusal."""
    with reading.readable():
        return reading.count(report["memory"])


def read_notes(report: Mapping[str, Any]) -> str:
    """What was different in the sandbox while an epoch was trained, in a line. Raises Refusal."""
    with reading.readable():
        return reading.one_line("; ".join(reading.notes(report.get("notes", []))))


def read_diagnostics(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a network tells of itself after an epoch: numbers, or nested lists of them, by name.

    Numbers that are not finite are None. None where it tells nothing. Raises Refusal.
    """
    if report.get("diagnostics") is None:
        return None
    with reading.readable():
        named = reading.named(report["diagnostics"], dotted=True)
        found = {name: _numbers(value, _DEEPEST) for name, value in named.items()}
        if sum(map(_size, found.values())) > _MOST_NUMBERS:
            raise ValueError("too many numbers")
        return found or None


def _numbers(value: Any, depth: int) -> Any:
    if isinstance(value, list) and depth:
        return [_numbers(each, depth - 1) for each in value]
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int | float) and abs(value) <= reading.MOST:
        return value
    raise ValueError(value)


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, list) else 1
