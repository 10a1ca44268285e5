"""CIFAR and SVHN: 32x32 colour images in a few array files."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lemur2.datasets.bundled import DIGIT_NAMES
from lemur2.datasets.local import LocalDataset
from lemur2.datasets.raw import RawData

_ARRAY_PARTS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles dicts, lists, strings, numbers and arrays; a data file must not run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAY_PARTS:
            raise ValueError(f"its pickle asks for {module}.{name}")
        return super().find_class(module, name)


def _unpickle(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        try:
            content = _ArrayUnpickler(file, encoding="latin1").load()
        except pickle.UnpicklingError as error:
            raise ValueError(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no dictionary")
    return content


class CifarDataset(LocalDataset):
    """Pickled batches: a dict with `data`, uint8 (N, 3072), and a list of labels."""

    folder_name: ClassVar[str]
    train_files: ClassVar[tuple[str, ...]]
    test_file: ClassVar[str]
    meta_file: ClassVar[str]
    labels_key: ClassVar[str]
    names_key: ClassVar[str]

    def files(self, root: Path) -> Sequence[Path]:
        """The batches and the file with the names of the classes."""
        names = (*self.train_files, self.test_file, self.meta_file)
        return [root / self.folder_name / name for name in names]

    def read(self, root: Path) -> RawData:
        """Read all batches."""
        folder = root / self.folder_name
        batches = [self._batch(folder / name) for name in self.train_files]
        images, labels = zip(*batches, strict=True)
        names = tuple(_unpickle(folder / self.meta_file)[self.names_key])
        train = (np.concatenate(images), np.concatenate(labels))
        return RawData(train, self._batch(folder / self.test_file), names)

    def _batch(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        content = _unpickle(path)
        images = np.asarray(content["data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        return images, np.asarray(content[self.labels_key], dtype=np.int64)


class Cifar10(CifarDataset):
    """CIFAR-10: 50,000 + 10,000 colour images, 32x32."""

    name = "cifar-10"
    about = "50,000 + 10,000 colour 32x32 images, 10 classes; cifar-10-batches-py under LEMUR2_DATA"
    folder_name = "cifar-10-batches-py"
    train_files = tuple(f"data_batch_{number}" for number in range(1, 6))
    test_file = "test_batch"
    meta_file = "batches.meta"
    labels_key = "labels"
    names_key = "label_names"

    def fetch(self, root: Path) -> None:
        """Have torchvision download them."""
        from torchvision.datasets import CIFAR10

        CIFAR10(root, download=True)


class Cifar100(CifarDataset):
    """CIFAR-100: 50,000 + 10,000 colour images, 32x32, by their fine labels."""

    name = "cifar-100"
    about = "50,000 + 10,000 colour 32x32 images, 100 classes; cifar-100-python under LEMUR2_DATA"
    folder_name = "cifar-100-python"
    train_files = ("train",)
    test_file = "test"
    meta_file = "meta"
    labels_key = "fine_labels"
    names_key = "fine_label_names"

    def fetch(self, root: Path) -> None:
        """Have torchvision download them."""
        from torchvision.datasets import CIFAR100

        CIFAR100(root, download=True)


class Svhn(LocalDataset):
    """SVHN, cropped digits: 73,257 + 26,032 colour images, 32x32, in Matlab files."""

    name = "svhn"
    about = "73,257 + 26,032 colour 32x32 house numbers, 10 classes; *_32x32.mat under LEMUR2_DATA"

    def files(self, root: Path) -> Sequence[Path]:
        """The training and the test file."""
        return [root / "train_32x32.mat", root / "test_32x32.mat"]

    def read(self, root: Path) -> RawData:
        """Read both."""
        train, test = (_read_svhn(file) for file in self.files(root))
        return RawData(train, test, DIGIT_NAMES)

    def fetch(self, root: Path) -> None:
        """Have torchvision download them."""
        from torchvision.datasets import SVHN

        for part in ("train", "test"):
            SVHN(root, split=part, download=True)


def _read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    from scipy.io import loadmat

    content = loadmat(path)
    images = content["X"].transpose(3, 2, 0, 1)  # stored as height, width, channel, sample
    labels = content["y"].reshape(-1).astype(np.int64)
    return images, np.where(labels == 10, 0, labels)  # the files call the digit 0 ten
