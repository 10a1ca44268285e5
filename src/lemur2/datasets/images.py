"""Data sets of image files: read on demand, all brought to one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lemur2.datasets.local import LocalDataset
from lemur2.datasets.raw import RawData
from lemur2.errors import UserError

SIDE = 256  # pixels; why: docs/decisions/020-one-stored-size.md


class ImageFiles:
    """Image files as an array of uint8 (N, 3, 256, 256), decoded when indexed.

    Each is brought to a shorter side of 256 (bilinear, antialiased) and its centre cropped.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples, channels, height, width."""
        return (len(self._paths), 3, SIDE, SIDE)

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        """Decode the files at these positions."""
        batch = np.empty((len(indices), *self.shape[1:]), dtype=np.uint8)
        for row, index in zip(batch, indices, strict=True):
            row[:] = read_image(self._paths[index])
        return batch


def read_image(path: Path) -> np.ndarray:
    """One image file as uint8 (3, 256, 256)."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except OSError as error:
        raise UserError(f"picture {path} cannot be read ({error}); fetch it again") from error
    width, height = image.size
    short = min(width, height)
    size = (SIDE * width // short, SIDE * height // short)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    left = round((size[0] - SIDE) / 2)
    top = round((size[1] - SIDE) / 2)
    cropped = image.crop((left, top, left + SIDE, top + SIDE))
    return np.asarray(cropped).transpose(2, 0, 1)


class Imagenette(LocalDataset):
    """Imagenette: ten easy classes of ImageNet, one folder a class."""

    name = "imagenette"
    about = "9,469 + 3,925 colour images, 10 classes; imagenette2[-320|-160] under LEMUR2_DATA"
    default_transform = "norm_128_flip"

    def files(self, root: Path) -> Sequence[Path]:
        """Every picture, or a name that says what is missing."""
        folder = self.folder(root)
        found = sorted(folder.glob("train/*/*.JPEG")) + sorted(folder.glob("val/*/*.JPEG"))
        return found or [folder / "train"]

    def folder(self, root: Path) -> Path:
        """The largest edition that is there."""
        editions = [root / name for name in ("imagenette2", "imagenette2-320", "imagenette2-160")]
        return next((folder for folder in editions if folder.is_dir()), editions[0])

    def read(self, root: Path) -> RawData:
        """List the pictures; they are decoded as they are stored."""
        folder = self.folder(root)
        wnids = sorted(each.name for each in (folder / "train").iterdir() if each.is_dir())
        names = tuple(_WNID_NAMES.get(wnid, wnid) for wnid in wnids)
        train, test = (_read_folders(folder / part, wnids) for part in ("train", "val"))
        return RawData(train, test, names)

    def fetch(self, root: Path) -> None:
        """Have torchvision download the 320-pixel edition, which is as much as is stored."""
        from torchvision.datasets import Imagenette as Download

        Download(root, split="train", size="320px", download=True)


def _read_folders(folder: Path, wnids: Sequence[str]) -> tuple[ImageFiles, np.ndarray]:
    found = [
        (path, label)
        for label, wnid in enumerate(wnids)
        for path in sorted((folder / wnid).glob("*.JPEG"))
    ]
    return ImageFiles([path for path, _ in found]), _labels([label for _, label in found])


_WNID_NAMES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


class CelebaGender(LocalDataset):
    """CelebA's aligned faces by the attribute Male, in the partition that CelebA ships."""

    name = "celeba-gender"
    about = "202,599 colour faces, 2 classes (CelebA's attribute Male); celeba under LEMUR2_DATA"
    default_transform = "norm_64_flip"

    def files(self, root: Path) -> Sequence[Path]:
        """The attributes and the partition; the first picture stands for all."""
        folder = root / "celeba"
        return [
            folder / "list_attr_celeba.txt",
            folder / "list_eval_partition.txt",
            folder / "img_align_celeba" / "000001.jpg",
        ]

    def read(self, root: Path) -> RawData:
        """List the pictures of each part; they are decoded as they are stored."""
        attributes, partition, first = self.files(root)
        male = _celeba_attribute(attributes, "Male")
        parts: list[list[str]] = [[], [], []]
        for line in partition.read_text(encoding="ascii").splitlines():
            file, part = line.split()
            parts[int(part)].append(file)
        train, validation, test = (
            (ImageFiles([first.parent / file for file in files]), _labels([male[f] for f in files]))
            for files in parts
        )
        return RawData(train, test, ("female", "male"), validation)

    def fetch(self, root: Path) -> None:
        """Have torchvision download it (it asks for the package gdown)."""
        from torchvision.datasets import CelebA

        CelebA(root, download=True)


def _celeba_attribute(path: Path, attribute: str) -> dict[str, int]:
    """File name -> 0 or 1. Line 1 of the file counts the rows, line 2 names the columns."""
    _, header, *rows = path.read_text(encoding="ascii").splitlines()
    column = header.split().index(attribute) + 1
    values = (row.split() for row in rows)
    return {row[0]: int(row[column] == "1") for row in values}


class Places365(LocalDataset):
    """Places365-Standard, the small (256x256) pictures; its validation part serves as test."""

    name = "places365"
    about = (
        "1,803,460 + 36,500 colour scenes, 365 classes; data_256_standard, val_256 and the file "
        "lists under LEMUR2_DATA"
    )
    default_transform = "norm_128_flip"

    def files(self, root: Path) -> Sequence[Path]:
        """The lists, which name all pictures."""
        return [
            root / "categories_places365.txt",
            root / "places365_train_standard.txt",
            root / "places365_val.txt",
        ]

    def available(self, root: Path) -> bool:
        """The lists and both folders of pictures."""
        return not self.missing(root)

    def missing(self, root: Path) -> Sequence[Path]:
        """The lists and folders that are not there."""
        folders = [root / "data_256_standard", root / "val_256"]
        return [*super().missing(root), *(each for each in folders if not each.is_dir())]

    def read(self, root: Path) -> RawData:
        """Read the lists; the pictures are decoded as they are stored."""
        categories, train, test = self.files(root)
        pairs = [line.split() for line in categories.read_text(encoding="utf-8").splitlines()]
        names = tuple(name.lstrip("/") for name, _ in sorted(pairs, key=lambda pair: int(pair[1])))
        return RawData(
            _read_list(train, root / "data_256_standard"), _read_list(test, root / "val_256"), names
        )

    def fetch(self, root: Path) -> None:
        """Have torchvision download both parts, some 25 GB."""
        from torchvision.datasets import Places365 as Download

        for part in ("train-standard", "val"):
            Download(root, split=part, small=True, download=True)


def _read_list(path: Path, folder: Path) -> tuple[ImageFiles, np.ndarray]:
    pairs = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    files = [folder / file.lstrip("/") for file, _ in pairs]
    return ImageFiles(files), _labels([int(label) for _, label in pairs])


def _labels(values: Sequence[int]) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)
