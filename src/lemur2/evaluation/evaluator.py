"""The parent's side of an evaluation: screen, train, score. Imports no torch.

Everything that decides a result happens here: labels of held-out parts never leave this process,
scores are computed from what the worker predicts, and time runs on this side's clock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.corpus import Epoch, Facts, Outcome, TrialResult
from lemur2.datasets import Part
from lemur2.evaluation import reports
from lemur2.evaluation.plan import Plan, environment
from lemur2.metrics import metric
from lemur2.sandbox import Awaited, Hear, Sandbox, Worker, again
from lemur2.tasks import Task

_CHUNK_BYTES = 16 << 20  # of inputs handed over at once
_AUDITED = 128  # inputs whose altered copies are mixed in, in tasks that have such a check
_AUDIT_CHUNK = 64  # small, so that an input and its copy are rarely in sight together

OnBuilt = Callable[[Mapping[str, Any]], None]
OnEpoch = Callable[[Epoch], bool]


@dataclass(frozen=True)
class Score:
    """Of one part of the data: the metric's result and the loss."""

    score: float
    loss: float | None


class Evaluator:
    """Evaluates networks in a sandbox. Thread-safe: each call has a worker of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.limits = sandbox.limits
        self._screened: dict[tuple[Any, ...], Facts] = {}  # networks that transforms are tried on

    def screen(self, source: str, task: Task, *, channels: int = 3) -> Facts:
        """Find the smallest of the task's input sizes that a network works at.

        Raises:
            Refusal: Where it works at none.
        """
        sizes = [
            (size, task.sample_shape(size, channels), task.default_outputs)
            for size in task.input_sizes
        ]
        return self._screen({"source": source, "task": task.name, "attempts": sizes})

    def screen_with_outline(
        self, source: str, task: Task, sizes: Sequence[int], *, channels: int = 3
    ) -> tuple[Facts, reports.Outline]:
        """Screen at the first of some sizes that works; with what modules the network has.

        Raises:
            Refusal: Where it works at none.
        """
        job = {"do": "screen", "outline": True, **_sized(source, task, sizes, channels)}
        reply, seconds = self._ask(job, reports.large_screening(source))
        return reports.facts(reply, seconds), reports.outline(reply)

    def trace(
        self, source: str, task: Task, sizes: Sequence[int], *, channels: int = 3
    ) -> Mapping[str, Any]:
        """Trace a network at the first of some sizes that works.

        Returns:
            What the worker says of it (see `evaluation.tracing.job`), bounded but not checked
            yet: the word of an untrusted process.

        Raises:
            Refusal: Where it works at none.
        """
        job = {"do": "trace", **_sized(source, task, sizes, channels)}
        reply, _ = self._ask(job, reports.large_screening(source))
        return reports.trace(reply)

    def screen_for(self, source: str, plan: Plan) -> Facts:
        """Screen a network at the input that a plan's data and transform give.

        Raises:
            Refusal: Where it does not work there.
        """
        return self._screen({"source": source, **plan.job})

    def screen_transform(self, network: str, plan: Plan) -> Facts:
        """Screen a plan's transform on images of its data, and a network at what it gives.

        The network is screened apart from the transform, in a worker of its own, and once for
        every shape of input.

        Args:
            network: Source of the network.
            plan: Its transform is what is screened.

        Returns:
            The network's facts there, with the transform's seconds and notes.

        Raises:
            Refusal: The transform does not keep its contract, or the network does not work at
                what it gives.
        """
        job = {"do": "screen-transform", **plan.job}
        reply, seconds = self._ask(job, reports.transform_screening(plan.transform_source), plan)
        shape, notes = reports.screened_transform(reply)
        key = (network, shape, plan.data.spec.outputs)
        if key not in self._screened:
            attempt = (shape[-1], shape, plan.data.spec.outputs)
            job = {"source": network, "task": plan.task.name, "attempts": [attempt]}
            try:
                self._screened[key] = self._screen(job)
            except Refusal as refusal:
                sides = "x".join(map(str, shape))
                reason = f"the network does not work at the {sides} that it gives: {refusal.reason}"
                raise Refusal(refusal.verdict, reason) from refusal
        return replace(self._screened[key], seconds=seconds, notes=notes)

    def _screen(self, job: Mapping[str, Any]) -> Facts:
        reply, seconds = self._ask({"do": "screen", **job}, reports.screening(job["source"]))
        return reports.facts(reply, seconds)

    def _ask(
        self, job: Mapping[str, Any], awaited: Awaited, plan: Plan | None = None
    ) -> tuple[Mapping[str, Any], float]:
        """Have a new worker do a job that takes no longer than a screening.

        Args:
            job: What to do.
            awaited: What it may answer.
            plan: Where the worker needs a plan's training data.

        Returns:
            The answer, and the seconds from the job's sending to its arrival, by this process's
            clock.
        """

        def attempt() -> tuple[Mapping[str, Any], float]:
            started = time.monotonic()
            deadline = started + self.limits.screen_seconds
            with self.sandbox.worker(_training_data(plan)) as worker:
                worker.send({"device": self.limits.device, **job}, deadline=deadline)
                reply, _ = worker.receive(deadline=deadline, awaited=awaited)
                return reply, time.monotonic() - started

        with _blameless(plan):
            return again(attempt)

    def train(
        self,
        source: str,
        plan: Plan,
        *,
        on_built: OnBuilt | None = None,
        on_epoch: OnEpoch | None = None,
        on_output: Hear | None = None,
        test: bool = False,
    ) -> TrialResult:
        """Train under the plan's protocol, scoring the validation part after every epoch.

        Args:
            source: The network's file.
            plan: What to train on, and how.
            on_built: Called once, with the hyperparameters that the network was built with.
            on_epoch: Called with every epoch; False ends the trial after it.
            on_output: Called with what the network prints, as it comes: untrusted text.
            test: Score the test part once, at the end.

        Returns:
            The trial. A refusal is its verdict, with the epochs that were finished.
        """
        trial = _Trial(self, source, plan, on_built, on_epoch, on_output, test)
        verdict, reason = Verdict.OK, ""
        try:
            with _blameless(plan):
                again(trial.run)
            reason = "; ".join(filter(None, (trial.output_note, trial.notes)))
        except Refusal as refusal:
            verdict, reason = refusal.verdict, str(refusal)
        protocol = plan.protocol
        return TrialResult(
            task=plan.task.name,
            dataset=protocol.dataset,
            metric=plan.metric,
            transform=plan.transform,
            hyperparameters=trial.hyperparameters,
            seed=protocol.seed,
            verdict=verdict,
            reason=reason,
            epochs=tuple(trial.epochs),
            test_score=trial.test_score,
            environment=environment(self.limits),
            transform_source=plan.transform_source,
            output=trial.output,
        )

    def evaluate(
        self,
        candidate: Candidate,
        name: str,
        digest: str,
        plan: Plan,
        *,
        network: str | None = None,
        max_flops: float | None = None,
    ) -> Outcome:
        """Screen a candidate, and train it where it gets through.

        Args:
            candidate: What was proposed. A transform takes the place of the plan's, and the
                network that is named as its first parent is trained.
            name: Its name.
            digest: Its canonical digest.
            plan: What to evaluate it under.
            network: Source of the network that a transform is tried on.
            max_flops: Train it only if one sample's forward pass takes at most so many; 0 for
                screening alone. A network whose FLOPs cannot be counted is trained if any is.
        """
        started = time.monotonic()
        facts: Facts | None = None
        trial: TrialResult | None = None
        source = candidate.source
        if candidate.kind == "transform":
            assert network is not None, "a transform is tried on a network"
            source, plan = network, plan.under(name, candidate.source)
        try:
            if candidate.kind == "transform":
                facts = self.screen_transform(source, plan)
            else:
                facts = self.screen_for(source, plan)
            verdict, reason = Verdict.OK, ""
            if max_flops is None or (facts.flops or 1) <= max_flops:
                trial = self.train(source, plan)
                verdict, reason = trial.verdict, trial.reason
        except Refusal as refusal:
            verdict, reason = refusal.verdict, str(refusal)
        return Outcome(
            candidate=candidate,
            name=name,
            digest=digest,
            verdict=verdict,
            reason=reason,
            facts=facts,
            trial=trial,
            seconds=time.monotonic() - started,
        )


class _Trial:
    """One training, from the parent's side."""

    def __init__(
        self,
        evaluator: Evaluator,
        source: str,
        plan: Plan,
        on_built: OnBuilt | None,
        on_epoch: OnEpoch | None,
        on_output: Hear | None,
        test: bool,
    ) -> None:
        self.sandbox = evaluator.sandbox
        self.plan = plan
        self.limits = evaluator.limits
        self.on_built = on_built
        self.on_epoch = on_epoch
        self.on_output = on_output
        self.test = test
        self.hyperparameters: Mapping[str, Any] = {  # until the worker says what it built with
            **plan.protocol.hyperparameters,
            "transform": plan.transform,
            "epoch": plan.protocol.epochs,
        }
        self.epochs: list[Epoch] = []
        self.told = 0  # epochs that `on_epoch` was called with; 0 is for `on_built`
        self.notes = ""  # what was different in the sandbox
        self.test_score: float | None = None
        self.output = self.output_note = ""
        self.deadline = 0.0
        protocol = plan.protocol
        self.source = source
        self.job = {
            "do": "train",
            "source": source,
            **plan.job,
            "hyperparameters": dict(protocol.hyperparameters),
            "epochs": protocol.epochs,
            "seed": protocol.seed,
            "amp": protocol.amp,
            "checkpointing": protocol.checkpointing,
            "device": self.limits.device,
        }

    def run(self) -> None:
        """Train from the start to the end. Raises Refusal.

        Run again, it gives the same, and tells nobody twice.
        """
        self.epochs, self.test_score = [], None
        self.deadline = time.monotonic() + self.limits.train_seconds
        with self.sandbox.worker(_training_data(self.plan), self.on_output) as worker:
            try:
                self._train(worker)
            finally:
                self.output, self.output_note = worker.output, worker.output_note

    def _train(self, worker: Worker) -> None:
        worker.send(self.job, deadline=self.deadline)
        built = self._receive(worker)
        self.hyperparameters = reports.hyperparameters(built)
        if self.on_built is not None and self.told == 0:
            self.on_built(self.hyperparameters)
        for number in range(1, self.plan.protocol.epochs + 1):
            if not self._epoch(worker, number):
                return

    def _receive(self, worker: Worker) -> Mapping[str, Any]:
        awaited = reports.training(self.source)
        return worker.receive(deadline=self.deadline, awaited=awaited)[0]

    def _epoch(self, worker: Worker, number: int) -> bool:
        """One epoch; whether to go on."""
        worker.send({"do": "continue"}, deadline=self.deadline)
        started = time.monotonic()
        report = self._receive(worker)
        seconds = time.monotonic() - started
        memory, diagnostics = reports.peak_memory(report), reports.diagnostics(report)
        self.notes = reports.notes(report)
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
        if self.test and (number == self.plan.protocol.epochs or not more):
            self.test_score = self._score(worker, "test").score
        return more

    def _tell(self, epoch: Epoch) -> bool:
        """Tell of an epoch that was not told of yet; whether to go on."""
        if self.on_epoch is None or epoch.epoch <= self.told:
            return True
        self.told = epoch.epoch
        return self.on_epoch(epoch)

    def _score(self, worker: Worker, part: Part) -> Score:
        plan = self.plan
        inputs, targets = plan.data.inputs(part), plan.data.targets(part)
        with self._judge(worker) as judge:
            scores = self._predictions(judge, inputs, targets)
        if not np.isfinite(scores).all():
            raise Refusal(Verdict.DIVERGED, "predictions are not finite")
        measure = metric(plan.metric)
        measure.update(scores, targets)
        return Score(measure.result(), plan.task.validation_loss(scores, targets))

    @contextlib.contextmanager
    def _judge(self, worker: Worker) -> Iterator[Worker]:
        """Who predicts: the worker that trains, or where the inputs tell, one of its weights."""
        if not self.plan.task.inputs_tell:
            yield worker
            return
        worker.send({"do": "weights"}, deadline=self.deadline)
        awaited = reports.weights(self.source, self.limits.memory)
        head, weights = worker.receive(deadline=self.deadline, awaited=awaited)
        with self.sandbox.worker(_training_data(self.plan)) as judge:
            judge.send({**self.job, "do": "judge"}, deadline=self.deadline)
            judge.send({"names": _names(head, weights)}, weights, deadline=self.deadline)
            yield judge

    def _predictions(self, worker: Worker, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Scores for all inputs; where the task has audits, those are made and checked."""
        # Not seeded: what is audited must not be foreseen, and no honest result depends on it.
        rng = np.random.default_rng()
        chosen = np.sort(rng.permutation(len(inputs))[:_AUDITED])
        audits = self.plan.task.audits(inputs[chosen], rng)
        if audits is None:
            return self._ask(worker, inputs, targets, _rows(inputs))
        order = rng.permutation(len(inputs) + len(audits))
        mixed = np.concatenate([inputs, audits])[order]
        asked = self._ask(
            worker, mixed, np.concatenate([targets, targets[chosen]])[order], _AUDIT_CHUNK
        )
        scores = np.empty_like(asked)
        scores[order] = asked
        real, copies = scores[: len(inputs)], scores[len(inputs) :]
        self.plan.task.check_audits(inputs[chosen], real[chosen], audits, copies)
        return real

    def _ask(
        self, worker: Worker, inputs: np.ndarray, targets: np.ndarray, rows: int
    ) -> np.ndarray:
        """Hand inputs over and take scores back; only the targets' shape is used."""
        parts = []
        for start in range(0, len(inputs), rows):
            chunk = inputs[start : start + rows]
            worker.send({"do": "predict"}, [chunk], deadline=self.deadline)
            wanted = self.plan.task.scores_shape(
                targets[start : start + rows], self.plan.data.spec.outputs
            )
            awaited = reports.training(self.source, [("float32", wanted)])
            _, arrays = worker.receive(deadline=self.deadline, awaited=awaited)
            parts.append(arrays[0])
        return np.concatenate(parts)


def _sized(source: str, task: Task, sizes: Sequence[int], channels: int) -> dict[str, Any]:
    attempts = [(size, task.sample_shape(size, channels), task.default_outputs) for size in sizes]
    return {"source": source, "task": task.name, "attempts": attempts}


def _names(head: Mapping[str, Any], weights: Sequence[np.ndarray]) -> list[str]:
    names = head.get("names")
    if not isinstance(names, list) or len(names) != len(weights):
        raise Refusal(Verdict.FORBIDDEN, "the worker's weights are not what was asked for")
    return [str(name) for name in names]


@contextlib.contextmanager
def _blameless(plan: Plan | None) -> Iterator[None]:
    """Data that was damaged while a worker read it ends the run, not the candidate."""
    try:
        yield
    except Refusal as refusal:
        if refusal.verdict is Verdict.CRASH:
            _training_data(plan)
        raise


def _training_data(plan: Plan | None) -> dict[str, Path]:
    """What workers map, looked at first. Raises UserError where it is damaged."""
    if plan is None:
        return {}
    plan.data.inputs("train")
    plan.data.targets("train")
    return {
        "inputs": plan.data.inputs_path("train"),
        "targets": plan.data.targets_path("train"),
    }


def _rows(inputs: np.ndarray) -> int:
    return max(1, _CHUNK_BYTES // max(1, inputs[:1].nbytes))
