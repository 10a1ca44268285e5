"""The conformance suite of a metric: inherit `MetricSuite`, supply the fixture `metric`.

    class TestTopFive(MetricSuite):
        @pytest.fixture
        def metric(self):
            return TopFive()

A metric whose targets are not classes overrides `batch`, `ideal` and `worse` as well.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from lemur2.metrics import Metric

Scored = tuple[np.ndarray, np.ndarray]  # outputs, targets
CLASSES = 7


class MetricSuite:
    """What every metric must keep; each test is one clause of the contract in `metrics.base`."""

    @pytest.fixture
    def metric(self) -> Metric:
        """The metric under test, new."""
        raise NotImplementedError("supply a fixture `metric` that gives an instance of yours")

    def batch(self, rows: int, seed: int) -> Scored:
        """Random float32 scores, the classes last, and random targets."""
        rng = np.random.default_rng(seed)
        outputs = rng.normal(size=(rows, 4, CLASSES)).astype(np.float32)
        return outputs, rng.integers(0, CLASSES, size=(rows, 4))

    def ideal(self, targets: np.ndarray) -> np.ndarray:
        """Scores than which there are no better ones."""
        return (np.eye(CLASSES, dtype=np.float32)[targets] - 0.5) * 200

    def worse(self, targets: np.ndarray) -> np.ndarray:
        """Scores that get every target wrong."""
        return -self.ideal(targets)

    def test_has_a_name(self, metric: Metric) -> None:
        """One fit for the command line and for the field's folder names, which split at `_`."""
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", metric.name)

    def test_of_nothing_is_nan(self, metric: Metric) -> None:
        """Before the first batch, and after a reset."""
        assert math.isnan(metric.result())
        metric.update(*self.batch(5, seed=0))
        assert not math.isnan(metric.result())
        metric.reset()
        assert math.isnan(metric.result())

    def test_is_a_float_between_0_and_1(self, metric: Metric) -> None:
        """A Python float, whatever it is fed."""
        for outputs in (self.batch(9, seed=1)[0] * 1000, self.batch(9, seed=1)[0]):
            metric.reset()
            metric.update(outputs, self.batch(9, seed=1)[1])
            assert type(metric.result()) is float
            assert 0.0 <= metric.result() <= 1.0

    def test_does_not_depend_on_the_batches(self, metric: Metric) -> None:
        """One batch of everything, or many of uneven sizes: the same score."""
        outputs, targets = self.batch(31, seed=2)
        metric.update(outputs, targets)
        whole = metric.result()
        metric.reset()
        for start, stop in ((0, 1), (1, 17), (17, 31)):
            metric.update(outputs[start:stop], targets[start:stop])
        assert metric.result() == pytest.approx(whole, rel=1e-9)

    def test_asking_changes_nothing(self, metric: Metric) -> None:
        """`result` can be asked between batches, and twice."""
        metric.update(*self.batch(5, seed=3))
        assert metric.result() == metric.result()
        metric.update(*self.batch(5, seed=4))
        asked = metric.result()
        metric.reset()
        metric.update(*self.batch(5, seed=3))
        metric.update(*self.batch(5, seed=4))
        assert metric.result() == asked

    def test_leaves_its_arguments_alone(self, metric: Metric) -> None:
        """Predictions and targets may be memory-mapped and shared."""
        outputs, targets = self.batch(5, seed=5)
        outputs.setflags(write=False)
        targets.setflags(write=False)
        metric.update(outputs, targets)

    def test_prefers_the_truth(self, metric: Metric) -> None:
        """Ideal scores beat random ones beat wrong ones, in its own direction."""
        outputs, targets = self.batch(40, seed=6)
        results = []
        for scores in (self.worse(targets), outputs, self.ideal(targets)):
            metric.reset()
            metric.update(scores, targets)
            results.append(metric.result() if metric.higher_is_better else -metric.result())
        assert results[0] < results[2]
        assert results == sorted(results)

    def test_takes_half_precision(self, metric: Metric) -> None:
        """float16 scores give what the same values give as float32."""
        outputs, targets = self.batch(20, seed=7)
        halves = outputs.astype(np.float16)
        metric.update(halves, targets)
        result = metric.result()
        metric.reset()
        metric.update(halves.astype(np.float32), targets)
        assert metric.result() == pytest.approx(result, abs=1e-6)
