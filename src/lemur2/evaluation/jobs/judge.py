"""The job that predicts with weights that another worker trained.

A worker that has seen held-out inputs could keep them for its next epoch. Where the inputs tell
what is to be predicted, every evaluation is done by a new worker that has the source and the
trained weights alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import reading
from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.jobs.base import (
    DRIVER,
    Bench,
    Job,
    Place,
    give,
    on,
)
from lemur2.evaluation.jobs.scoring import Judged
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.protocol import Protocol
from lemur2.sandbox import Awaited, Sandbox, Worker
from lemur2.sandbox.awaited import MIB

VERDICTS = reading.LOADED | {Verdict.SYNTAX, Verdict.TRAIN, Verdict.DIVERGED}
_EXAMPLES = 4  # inputs of the example

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Judge(Job[np.ndarray]):
    """Predicts for inputs with given weights; the report is what the task's metrics take.

    Attributes:
        source: The network's file.
        plan: What it was trained under.
        weights: Parameters and buffers by name.
        inputs: Raw samples.
        targets: Like those that the predictions are for; only their shape is used.
    """

    name: ClassVar[str] = "judge"

    source: str
    plan: Plan
    weights: Any = field(default_factory=dict, metadata=DRIVER)
    inputs: Any = field(default=None, metadata=DRIVER)
    targets: Any = field(default=None, metadata=DRIVER)

    @classmethod
    def example(cls, top: str = "") -> Self:
        """See `Job.example`: with the weights that the network is built with."""
        plan = Plan.of(Protocol(dataset="digits"))
        inputs, targets = plan.data.inputs("train"), plan.data.targets("train")
        some = {"inputs": inputs[:_EXAMPLES], "targets": targets[:_EXAMPLES]}
        return cls(source=top + SMALL_NETWORK, plan=plan, **some)

    def do(self, place: Place, listener: Any = None) -> np.ndarray:
        """See `Job.do`."""
        return on(place, self._predict)

    def _predict(self, sandbox: Sandbox) -> np.ndarray:
        deadline = time.monotonic() + sandbox.limits.train_seconds
        with self.sitting(sandbox, deadline) as judged:
            return judged.predict(self.inputs, self.targets)

    @contextlib.contextmanager
    def sitting(self, sandbox: Sandbox, deadline: float) -> Iterator[Judged]:
        """A worker with the weights, which answers while the block lasts."""
        with sandbox.worker() as worker:
            give(self, worker, sandbox, deadline)
            names = {"names": list(self.weights)}
            worker.send(names, list(self.weights.values()), deadline=deadline)
            yield judged(worker, self.source, self.plan, deadline)

    @classmethod
    def warm_up(cls) -> None:
        """Import what predicts."""
        from lemur2.evaluation import training  # noqa: F401

    def work(self, bench: Bench) -> None:
        """See `Job.work`."""
        from lemur2.evaluation import training

        trainer = training.Trainer.of(self.plan, bench.device)
        training.judge(bench.channel, trainer, self.source, self.plan)


def judged(worker: Worker, source: str, plan: Plan, deadline: float) -> Judged:
    """A worker that trains or judges, as what predicts."""
    awaited = Awaited(verdicts=VERDICTS, lines=reading.lines(source))
    return Judged(worker=worker, plan=plan, awaited=awaited, deadline=deadline)


def put_weights(worker: Worker, weights: Weights, source: str, deadline: float) -> None:
    """Have a worker that built a network take weights. Raises Refusal where they do not fit."""
    awaited = Awaited(verdicts=VERDICTS, lines=reading.lines(source))
    names = {"do": "load", "names": list(weights)}
    worker.send(names, list(weights.values()), deadline=deadline)
    worker.receive(deadline=deadline, awaited=awaited)


def take_weights(worker: Worker, source: str, most: int, deadline: float) -> Weights:
    """A trained network's weights, at most so many bytes. Raises Refusal."""
    awaited = Awaited(
        json=8 * MIB,
        arrays=None,
        array_bytes=most,
        verdicts=VERDICTS,
        lines=reading.lines(source),
    )
    worker.send({"do": "weights"}, deadline=deadline)
    head, arrays = worker.receive(deadline=deadline, awaited=awaited)
    names = head.get("names")
    if not isinstance(names, list) or len(names) != len(arrays):
        raise Refusal(Verdict.FORBIDDEN, "the worker's weights are not what was asked for")
    return dict(zip(map(str, names), arrays, strict=True))
