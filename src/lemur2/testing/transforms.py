"""The conformance suite of a transform: inherit `TransformSuite`, supply the fixture `source`.

    class TestMine(TransformSuite):
        @pytest.fixture
        def source(self):
            return Path("mine.py").read_text()

A transform that needs larger images than 32x32, or never sees grey ones, sets `raw_shapes`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from lemur2.transforms.pipeline import Pipeline

IMAGES = 3


class TransformSuite:
    """What a transform and its compiled pipeline must keep."""

    raw_shapes: ClassVar[tuple[tuple[int, int, int], ...]] = ((1, 28, 28), (3, 32, 32))

    @pytest.fixture
    def source(self) -> str:
        """The source under test."""
        raise NotImplementedError("supply a fixture `source` that gives the transform's text")

    def each(self, source: str) -> Any:
        """For each raw shape the pipeline and a batch of random images."""
        for shape in self.raw_shapes:
            pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
            levels = [0.4, 0.5, 0.6][: shape[0]]
            yield Pipeline(source, levels, levels), torch.from_numpy(pixels)

    def test_gives_one_shape(self, source: str) -> None:
        """In training, in evaluation, and as announced; floating point or complex, and finite."""
        for pipeline, batch in self.each(source):
            shape = (IMAGES, *pipeline.sample_shape(batch.shape[1:]))
            for result in (pipeline.train(batch, generator(0)), pipeline.evaluate(batch)):
                assert tuple(result.shape) == shape
                assert result.is_floating_point() or result.is_complex()
                assert bool(torch.isfinite(torch.view_as_real(result + 0j)).all())

    def test_training_follows_its_generator(self, source: str) -> None:
        """The same state of the generator gives the same batch."""
        for pipeline, batch in self.each(source):
            first = pipeline.train(batch, generator(1))
            assert torch.equal(first, pipeline.train(batch, generator(1)))

    def test_evaluation_repeats(self, source: str) -> None:
        """And each image's result does not depend on its batch."""
        for pipeline, batch in self.each(source):
            whole = pipeline.evaluate(batch)
            assert torch.equal(whole, pipeline.evaluate(batch))
            assert torch.equal(whole[:1], pipeline.evaluate(batch[:1]))

    def test_leaves_everything_else_alone(self, source: str) -> None:
        """The batch, and the random state of the process."""
        for pipeline, batch in self.each(source):
            before, state = batch.clone(), torch.get_rng_state()
            pipeline.train(batch, generator(2))
            pipeline.evaluate(batch)
            assert torch.equal(batch, before)
            assert torch.equal(torch.get_rng_state(), state)

    def test_computed_prefix_changes_nothing(self, source: str) -> None:
        """What is computed once gives the batches that computing it every time does."""
        for pipeline, batch in self.each(source):
            computed, rest = pipeline.with_prefix_computed(batch.numpy())
            after = torch.from_numpy(computed)
            assert torch.equal(rest.evaluate(after), pipeline.evaluate(batch))
            trained = rest.train(after, generator(3))
            assert torch.equal(trained, pipeline.train(batch, generator(3)))


def generator(seed: int) -> torch.Generator:
    """A generator in the state that a seed gives."""
    return torch.Generator().manual_seed(seed)
