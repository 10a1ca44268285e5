"""Where held-out inputs tell what is to be predicted, a worker with the weights alone predicts."""

import numpy as np
import pytest
from driving import OnSandbox, train

from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.workers import CandidateSandbox
from lemur2.sandbox import Worker

BIGRAMS = '''
import torch
from torch import nn


def supported_hyperparameters():
    return set()


class Net(nn.Module):
    """Counts which character follows which."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        vocabulary = out_shape[0]
        self.counts = nn.Parameter(torch.zeros(vocabulary, vocabulary))
        self.{kept}

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        with torch.no_grad():
            for inputs, targets in train_data:
                ones = torch.ones(inputs.numel())
                where = (inputs.flatten(), targets.flatten())
                self.{table}.index_put_(where, ones, accumulate=True)

    def forward(self, x):
        return self.counts[x] + self.memory[x]
'''
IN_WEIGHTS = 'register_buffer("memory", torch.zeros(vocabulary, vocabulary).to(torch.bfloat16))'
IN_ATTRIBUTE = "memory = torch.zeros(vocabulary, vocabulary)"


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="python-reference"))


@pytest.fixture(scope="module")
def evaluator():
    with CandidateSandbox(Limits(train_seconds=120)) as sandbox:
        yield OnSandbox(sandbox)


def _accuracy(plan, counts):
    guesses = counts.argmax(-1)[plan.data.inputs("validation")]
    return (guesses == plan.data.targets("validation")).mean()


def test_the_judge_scores_what_was_learned(evaluator, plan):
    """To the last digit: all weights arrive, whatever their type."""
    vocabulary = plan.data.spec.outputs[0]
    counts = np.zeros((vocabulary, vocabulary))
    np.add.at(counts, (plan.data.inputs("train"), plan.data.targets("train")), 1)
    source = BIGRAMS.format(kept=IN_WEIGHTS, table="counts")

    trial = train(evaluator, source, plan)

    assert trial.verdict == "ok", trial.reason
    assert trial.score == pytest.approx(_accuracy(plan, counts), abs=1e-12)
    assert trial.score > 0.25


def test_what_is_in_no_weight_does_not_count(evaluator, plan):
    trial = train(evaluator, BIGRAMS.format(kept=IN_ATTRIBUTE, table="memory"), plan)
    vocabulary = plan.data.spec.outputs[0]
    assert trial.verdict == "ok", trial.reason
    assert trial.score == _accuracy(plan, np.zeros((vocabulary, vocabulary)))


def test_everything_that_is_said_in_a_trial_has_its_deadline(evaluator, plan, monkeypatch):
    deadlines = []

    def noted(call):
        def said(*arguments, deadline=None, **options):
            deadlines.append(deadline)
            return call(*arguments, deadline=deadline, **options)

        return said

    for name in ("send", "receive"):
        monkeypatch.setattr(Worker, name, noted(getattr(Worker, name)))
    trial = train(evaluator, BIGRAMS.format(kept=IN_WEIGHTS, table="counts"), plan, test=True)
    assert trial.test_score is not None
    assert len(deadlines) > 10
    assert len(set(deadlines)) == 1
    assert None not in deadlines
