"""The sequence that makes an outcome of a candidate: screen it, train it, score it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.corpus import Facts, Outcome, TrialResult
from lemur2.evaluation.jobs import Attempt, Keep, Screen, ScreenTransform, Train
from lemur2.evaluation.plan import Plan

Do = Callable[[Any], Any]
"""Does a job, and gives its report."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A candidate, and what it is evaluated under.

    Attributes:
        candidate: What was proposed. A transform takes the place of the plan's, and the network
            that is named as its first parent is trained.
        name: Its name.
        digest: Its canonical digest.
        screen: How a network is screened.
        plan: What it is trained under; None for screening alone.
        network: Source of the network that a transform is tried on.
        keep: Which weights the trial brings.
        max_flops: Train it only if one sample's forward pass takes at most so many; 0 for
            screening alone. A network whose FLOPs cannot be counted is trained if any is.
    """

    candidate: Candidate
    name: str
    digest: str
    screen: Screen | None = None
    plan: Plan | None = None
    network: str | None = None
    max_flops: float | None = None
    keep: Keep = "none"

    @property
    def trained_under(self) -> Plan | None:
        """The plan, with the candidate's transform where it is one."""
        if self.plan is None or self.candidate.kind == "architecture":
            return self.plan
        return self.plan.under(self.name, self.candidate.source)

    def wants_training(self, facts: Facts) -> bool:
        """Whether what was screened is to be trained."""
        return self.max_flops is None or (facts.flops or 1) <= self.max_flops


def evaluate(asked: Evaluation, do: Do, once: Do) -> Outcome:
    """Screen a candidate, and train it where it gets through; a refusal is a verdict.

    Args:
        asked: What to evaluate.
        do: Does a job.
        once: Does a job, or gives the report that one of its value had.
    """
    started = time.monotonic()
    facts: Facts | None = None
    trial: TrialResult | None = None
    try:
        facts = _screened(asked, do, once)
        verdict, reason = Verdict.OK, ""
        plan = asked.trained_under
        if plan is not None and asked.wants_training(facts):
            trial = do(_training(asked, plan))
            verdict, reason = trial.verdict, trial.reason
    except Refusal as refusal:
        verdict, reason = refusal.verdict, str(refusal)
    return Outcome(
        candidate=asked.candidate,
        name=asked.name,
        digest=asked.digest,
        verdict=verdict,
        reason=reason,
        facts=facts,
        trial=trial,
        seconds=time.monotonic() - started,
    )


def _training(asked: Evaluation, plan: Plan) -> Train:
    return Train(source=asked.network or asked.candidate.source, plan=plan, keep=asked.keep)


def _screened(asked: Evaluation, do: Do, once: Do) -> Facts:
    """The facts of a network, or of the network that a transform is tried on. Raises Refusal."""
    plan = asked.trained_under
    if asked.candidate.kind == "transform":
        assert plan is not None, "a transform is trained with"
        assert asked.network is not None, "a transform is tried on a network"
        return _transformed(asked.network, plan, do, once)
    if asked.screen is not None:
        return do(asked.screen).facts
    assert plan is not None, "a network is screened somehow"
    return do(Screen.under(asked.candidate.source, plan)).facts


def _transformed(network: str, plan: Plan, do: Do, once: Do) -> Facts:
    """Screen a plan's transform on images of its data, and a network at what it gives.

    The network is screened apart from the transform, in a worker of its own, and once for every
    shape of input.

    Returns:
        The network's facts there, with the transform's seconds and notes.

    Raises:
        Refusal: The transform does not keep its contract, or the network does not work at what
            it gives.
    """
    found = do(ScreenTransform(plan=plan))
    shape = found.sample_shape
    attempt = Attempt(shape[-1], shape, plan.spec.outputs)
    try:
        screened = once(Screen(source=network, task=plan.task.name, attempts=(attempt,)))
    except Refusal as refusal:
        sides = "x".join(map(str, shape))
        reason = f"the network does not work at the {sides} that it gives: {refusal.reason}"
        raise Refusal(refusal.verdict, reason) from refusal
    return replace(screened.facts, seconds=found.seconds, notes=found.notes)
