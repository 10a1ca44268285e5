"""The parent's side of scoring: hands inputs over, takes predictions, holds the targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.datasets import Part
from lemur2.evaluation.plan import Plan
from lemur2.metrics import metric
from lemur2.sandbox import Awaited, Worker

_CHUNK_BYTES = 16 << 20  # of inputs handed over at once
_AUDITED = 128  # inputs whose altered copies are mixed in, in tasks that have such a check
_AUDIT_CHUNK = 64  # small, so that an input and its copy are rarely in sight together


@dataclass(frozen=True)
class Score:
    """Of one part of the data: the metric's result and the loss."""

    score: float
    loss: float | None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A worker that predicts, and what the parent has to know to ask it.

    Attributes:
        worker: It has been told to train or to judge, and waits for questions.
        plan: Its task says what predictions look like.
        awaited: An answer without its arrays.
        deadline: On the monotonic clock.
    """

    worker: Worker
    plan: Plan
    awaited: Awaited
    deadline: float

    def score(self, part: Part) -> Score:
        """Score the predictions for a part. Raises Refusal (`diverged` among others)."""
        plan = self.plan
        inputs, targets = plan.data.inputs(part), plan.data.targets(part)
        scores = self._predictions(inputs, targets)
        if not np.isfinite(scores).all():
            raise Refusal(Verdict.DIVERGED, "predictions are not finite")
        measure = metric(plan.metric)
        measure.update(scores, targets)
        return Score(measure.result(), plan.task.validation_loss(scores, targets))

    def _predictions(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Scores for all inputs; where the task has audits, those are made and checked."""
        # Not seeded: what is audited must not be foreseen, and no honest result depends on it.
        rng = np.random.default_rng()
        chosen = np.sort(rng.permutation(len(inputs))[:_AUDITED])
        audits = self.plan.task.audits(inputs[chosen], rng)
        if audits is None:
            return self.predict(inputs, targets)
        order = rng.permutation(len(inputs) + len(audits))
        mixed = np.concatenate([inputs, audits])[order]
        mixed_targets = np.concatenate([targets, targets[chosen]])[order]
        asked = self.predict(mixed, mixed_targets, _AUDIT_CHUNK)
        scores = np.empty_like(asked)
        scores[order] = asked
        real, copies = scores[: len(inputs)], scores[len(inputs) :]
        self.plan.task.check_audits(inputs[chosen], real[chosen], audits, copies)
        return real

    def predict(self, inputs: np.ndarray, targets: np.ndarray, rows: int = 0) -> np.ndarray:
        """Hand inputs over and take scores back; only the targets' shape is used."""
        parts = []
        rows = rows or max(1, _CHUNK_BYTES // max(1, inputs[:1].nbytes))
        for start in range(0, len(inputs), rows):
            chunk = inputs[start : start + rows]
            self.worker.send({"do": "predict"}, [chunk], deadline=self.deadline)
            wanted = self.plan.task.scores_shape(
                targets[start : start + rows], self.plan.spec.outputs
            )
            awaited = self.awaited.with_arrays([("float32", wanted)])
            _, arrays = self.worker.receive(deadline=self.deadline, awaited=awaited)
            parts.append(arrays[0])
        return np.concatenate(parts)
