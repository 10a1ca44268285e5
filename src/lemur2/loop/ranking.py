"""The order of outcomes."""

from __future__ import annotations

from lemur2.corpus import Outcome
from lemur2.metrics import loss as loss_of


def loss(outcome: Outcome) -> float:
    """The score of a trained outcome as something to be small: what outcomes are ranked by."""
    assert outcome.trial is not None
    assert outcome.score is not None
    return loss_of(outcome.score, outcome.trial.metric)
