"""MNIST and its kin: the idx format, plain or gzipped."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from lemur2.datasets.bundled import DIGIT_NAMES
from lemur2.datasets.local import LocalDataset
from lemur2.datasets.raw import RawData

_UNSIGNED_BYTE = 0x08  # the idx type code


def read_idx(path: Path) -> np.ndarray:
    """Read an idx file of unsigned bytes; gzipped where the name ends so.

    The format: two zero bytes, a type code, the number of axes, the length of each axis as a
    big-endian 32-bit integer, then the values in C order.

    Raises:
        ValueError: It is not such a file, or shorter or longer than it says.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise ValueError(f"{path.name} is not an idx file of bytes")
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path.name} is cut short")
    shape = struct.unpack(f">{axes}I", content[4:start])
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{path.name} holds {values.size} values where its header says {shape}")
    return values.reshape(shape)


class IdxDataset(LocalDataset):
    """Four idx files: images and labels of the training and of the test part."""

    folder_name: ClassVar[str]  # torchvision's, the name of its class
    classes: ClassVar[tuple[str, ...]]
    system_folder: ClassVar[Path | None] = None  # where a distribution's package puts them
    default_transform = "norm_32"

    def files(self, root: Path) -> Sequence[Path]:
        """Under `root` plain or gzipped, else in the distribution's folder."""
        names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in _KINDS]
        folders = [root / self.folder_name / "raw"]
        if self.system_folder:
            folders.append(self.system_folder)
        candidates = [
            [folder / f"{name}{suffix}" for name in names]
            for folder in folders
            for suffix in ("", ".gz")
        ]
        there = (files for files in candidates if all(file.is_file() for file in files))
        return next(there, candidates[0])

    def read(self, root: Path) -> RawData:
        """Read the four files."""
        arrays = [read_idx(file) for file in self.files(root)]
        train_images, train_labels, test_images, test_labels = arrays
        return RawData(
            _pair(train_images, train_labels), _pair(test_images, test_labels), self.classes
        )

    def fetch(self, root: Path) -> None:
        """Have torchvision download them."""
        from torchvision import datasets

        getattr(datasets, self.folder_name)(root, download=True)


_KINDS = ("images-idx3", "labels-idx1")


def _pair(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images, but {len(labels)} labels")
    return images[:, None], labels.astype(np.int64)


class Mnist(IdxDataset):
    """MNIST: 60,000 + 10,000 handwritten digits, 28x28, grey."""

    name = "mnist"
    about = "60,000 + 10,000 grey 28x28 digits, 10 classes; MNIST/raw under LEMUR2_DATA"
    folder_name = "MNIST"
    classes = DIGIT_NAMES


class FashionMnist(IdxDataset):
    """Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28, grey."""

    name = "fashion-mnist"
    about = (
        "60,000 + 10,000 grey 28x28 clothes, 10 classes; FashionMNIST/raw under LEMUR2_DATA, "
        "or Debian's package dataset-fashion-mnist"
    )
    folder_name = "FashionMNIST"
    system_folder = Path("/usr/share/datasets/fashion-mnist")
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
