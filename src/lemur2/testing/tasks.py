"""The conformance suite of a task: inherit `TaskSuite`, supply the fixture `task`.

    class TestDepth(TaskSuite):
        @pytest.fixture
        def task(self):
            return DepthEstimation()

A task whose `forward` gives its scores in another layout than the metrics want (classes not
last), or that stores raw samples otherwise, overrides `output` or `raw` as well.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from lemur2.architecture import Refusal, Verdict
from lemur2.tasks import Task

BATCH = 3
CHANNELS = 3


class TaskSuite:
    """What every task must keep; each test is one clause of the contract in `tasks.base`."""

    @pytest.fixture
    def task(self) -> Task:
        """The task under test."""
        raise NotImplementedError("supply a fixture `task` that gives an instance of your task")

    def output(self, scores: torch.Tensor) -> Any:
        """What a network's `forward` would return for scores with the classes last."""
        return scores

    def raw(self, task: Task, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Raw samples and targets as a data set stores them: uint8 where a transform follows."""
        inputs, targets = _example(task, batch=rows)
        if not task.transformed:
            return inputs.numpy(), targets.numpy()
        pixels = np.random.default_rng(0).integers(0, 256, tuple(inputs.shape), dtype=np.uint8)
        return pixels, targets.numpy()

    def test_declares_itself(self, task: Task) -> None:
        """A name fit for the command line, a metric, and input sizes to try in rising order."""
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", task.name)
        assert task.metrics
        assert list(task.input_sizes) == sorted(set(task.input_sizes))
        assert all(count > 0 for count in task.default_outputs)

    def test_examples_have_the_shape_asked_for(self, task: Task) -> None:
        """At every input size, and classes within range."""
        for size in task.input_sizes:
            shape = task.sample_shape(size, CHANNELS)
            inputs, targets = task.example(shape, task.default_outputs, BATCH, seed=0)
            assert tuple(inputs.shape) == (BATCH, *shape)
            assert targets.dtype == torch.int64
            assert len(targets) == BATCH
            assert 0 <= int(targets.min()) <= int(targets.max()) < task.default_outputs[0]

    def test_examples_follow_their_seed(self, task: Task) -> None:
        """The same seed gives the same batch, another seed another."""
        first, again, other = _example(task, seed=1), _example(task, seed=1), _example(task, seed=2)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        assert not torch.equal(first[0], other[0])

    def test_predictions_have_the_classes_last(self, task: Task) -> None:
        """float32 scores, shaped as the targets with the classes as a further axis."""
        inputs, targets = _example(task)
        scores = _scores(task, targets)
        found = task.predictions(self.output(scores), inputs, task.default_outputs)
        assert found.dtype == torch.float32
        assert torch.equal(found, scores)

    @pytest.mark.parametrize("output", [None, "scores", (), {}, torch.zeros(()), torch.ones(1, 2)])
    def test_refuses_what_is_no_prediction(self, task: Task, output: Any) -> None:
        """With the verdict `shape`, whatever a network may return."""
        inputs, _ = _example(task)
        with pytest.raises(Refusal) as refused:
            task.predictions(output, inputs, task.default_outputs)
        assert refused.value.verdict is Verdict.SHAPE

    @pytest.mark.parametrize("kind", [torch.complex64, torch.int64, torch.bool])
    def test_refuses_scores_that_are_not_real(self, task: Task, kind: torch.dtype) -> None:
        """Complex, integer and truth-valued scores have the verdict `shape`."""
        inputs, targets = _example(task)
        output = self.output(_scores(task, targets).to(kind))
        with pytest.raises(Refusal) as refused:
            task.predictions(output, inputs, task.default_outputs)
        assert refused.value.verdict is Verdict.SHAPE

    def test_loss_has_a_gradient_and_prefers_the_truth(self, task: Task) -> None:
        """A finite scalar that a step along its gradient lowers."""
        inputs, targets = _example(task)
        scores = _scores(task, targets).requires_grad_()
        loss = task.loss(self.output(scores), inputs, targets, task.default_outputs)
        assert loss.shape == ()
        (gradient,) = torch.autograd.grad(loss, scores)
        assert float(gradient.abs().sum()) > 0
        better = self.output((scores - gradient).detach())
        assert task.loss(better, inputs, targets, task.default_outputs) < loss

    @pytest.mark.parametrize(("rows", "batch", "expected"), [(8, 3, 3), (7, 3, 2), (1, 4, 1)])
    def test_an_epoch_shows_every_sample(
        self, task: Task, rows: int, batch: int, expected: int
    ) -> None:
        """Once each, but for a single sample left over, which batch normalisation cannot take."""
        inputs, targets = self.raw(task, rows)
        epoch = task.train_batches(inputs, targets, None, batch, seed=0)
        batches = list(epoch)
        assert len(batches) == len(epoch) == expected  # type: ignore[arg-type]
        shown = torch.cat([labels for _, labels in batches])
        assert shown.dtype == torch.int64
        assert len(shown) == (rows if rows != 7 else 6)
        missing = [row for row in targets.tolist() if row not in shown.tolist()]
        assert len(missing) <= rows - len(shown)

    def test_an_epoch_follows_its_seed(self, task: Task) -> None:
        """The same seed gives the same batches, another seed another order."""
        inputs, targets = self.raw(task, 32)
        first, again, other = (
            torch.cat([batch for batch, _ in task.train_batches(inputs, targets, None, 8, seed)])
            for seed in (1, 1, 2)
        )
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_audits_are_like_their_inputs(self, task: Task) -> None:
        """Where the task has audits: same shape and type, not the same samples, by the seed."""
        inputs, _ = self.raw(task, 16)
        audits = task.audits(inputs, np.random.default_rng(1))
        if audits is None:
            return
        assert audits.shape == inputs.shape
        assert audits.dtype == inputs.dtype
        assert not np.array_equal(audits, inputs)
        again = task.audits(inputs, np.random.default_rng(1))
        assert again is not None
        assert np.array_equal(audits, again)

    def test_audits_pass_a_network_that_gives_the_same(self, task: Task) -> None:
        """Equal outputs for inputs and copies betray nothing."""
        inputs, targets = self.raw(task, 16)
        audits = task.audits(inputs, np.random.default_rng(1))
        if audits is None:
            return
        scores = _scores(task, torch.from_numpy(targets)).numpy()
        task.check_audits(inputs, scores, audits, scores)


def _example(task: Task, batch: int = BATCH, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    shape = task.sample_shape(task.input_sizes[0], CHANNELS)
    return task.example(shape, task.default_outputs, batch, seed)


def _scores(task: Task, targets: torch.Tensor) -> torch.Tensor:
    """Random scores shaped as the metrics want them."""
    random = torch.Generator().manual_seed(0)
    return torch.randn(*targets.shape, task.default_outputs[0], generator=random)
