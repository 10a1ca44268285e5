"""The conformance suite of a data set: inherit `DatasetSuite`, supply the fixture `dataset`.

    class TestFlowers(DatasetSuite):
        @pytest.fixture
        def dataset(self):
            return Flowers()

        @pytest.fixture
        def root(self, tmp_path):
            write_a_few_flowers(tmp_path)  # in the real on-disk format
            return tmp_path

A data set that ships inside a package needs no `root`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lemur2.datasets import Dataset
from lemur2.errors import UserError
from lemur2.transforms import transform_source


class DatasetSuite:
    """What every data set must keep; each test is one clause of the contract in `datasets.base`."""

    packaged = False  # whether its files are part of an installed package, whatever the root

    @pytest.fixture
    def dataset(self) -> Dataset:
        """The data set under test."""
        raise NotImplementedError("supply a fixture `dataset` that gives an instance of yours")

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A data folder in which the data set is found."""
        return tmp_path

    def test_declares_itself(self, dataset: Dataset) -> None:
        """A name without `_` (the field's folder names split there), one line about it."""
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(:.+)?", dataset.name)
        assert dataset.about
        assert "\n" not in dataset.about
        if dataset.default_transform:
            assert transform_source(dataset.default_transform).name == dataset.default_transform

    def test_is_found(self, dataset: Dataset, root: Path) -> None:
        """`available` and `files` agree with what is there."""
        assert dataset.available(root)
        assert dataset.files(root)
        assert all(file.is_file() for file in dataset.files(root))

    def test_says_where_it_looked(self, dataset: Dataset, tmp_path: Path) -> None:
        """Where its files are not there: not available, and one line that names the data set."""
        if self.packaged:
            return
        empty = tmp_path / "nothing-here"
        assert not dataset.available(empty)
        with pytest.raises(UserError) as raised:
            dataset.load(empty, download=False)
        assert dataset.name in str(raised.value)
        assert str(empty) in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_parts_fit_together(self, dataset: Dataset, root: Path) -> None:
        """Each part has as many targets as inputs, of one shape, with int64 classes in range."""
        raw = dataset.load(root, download=False)
        parts = dataset.split(raw, seed=0)
        assert sorted(parts) == ["test", "train", "validation"]
        assert len({inputs.shape[1:] for inputs, _ in parts.values()}) == 1
        for inputs, targets in parts.values():
            assert len(targets) == inputs.shape[0] > 0
            assert targets.dtype == np.int64
            assert 0 <= targets.min() <= targets.max() < len(raw.classes)

    def test_reads_what_it_announces(self, dataset: Dataset, root: Path) -> None:
        """Samples picked by position have the announced shape and type; images are uint8."""
        inputs, _ = dataset.split(dataset.load(root, download=False), seed=0)["train"]
        last = inputs.shape[0] - 1
        picked = inputs[np.array([last, 0])]
        assert picked.shape == (2, *inputs.shape[1:])
        assert picked.dtype == inputs.dtype
        assert np.array_equal(picked[1:], inputs[np.array([0])])
        if len(inputs.shape) == 4:
            assert inputs.dtype == np.uint8
            assert inputs.shape[1] in (1, 3)

    def test_split_follows_its_seed(self, dataset: Dataset, root: Path) -> None:
        """The same seed gives the same parts."""
        raw = dataset.load(root, download=False)
        first, again = dataset.split(raw, seed=3), dataset.split(raw, seed=3)
        for part, (inputs, targets) in first.items():
            some = np.arange(min(8, len(targets)))
            assert np.array_equal(targets, again[part][1])
            assert np.array_equal(inputs[some], again[part][0][some])
