"""What a data set is: raw arrays in, a split on disk out, labels of held-out parts sealed."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lemur2.architecture.syntax import PARSER
from lemur2.datasets.raw import PARTS, Part, RawData, Samples
from lemur2.datasets.splits import split_by_class
from lemur2.errors import UserError

_HASHED_WHOLE = 4 << 20  # bytes; larger sources are known by sizes and times of change


@dataclass(frozen=True)
class DataSpec:
    """What a network and its transform may know of a data set. JSON-able, sent to workers.

    Attributes:
        name: The data set's name, as on the command line.
        task: Name of the task it belongs to (`img-classification`, `txt-generation`).
        sample_shape: One raw sample: (C, H, W) for images, (S,) for text windows.
        outputs: What the network has to give, the classes first: (classes,) or (vocabulary,).
        mean: Per channel, of the training part scaled to [0, 1]; empty for text.
        std: Likewise.
        sizes: Samples in each part.
        classes: Names of the classes, or the characters of the vocabulary.
        digest: SHA-256 of the prepared arrays: with it every machine finds the same data.
    """

    name: str
    task: str
    sample_shape: tuple[int, ...]
    outputs: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sizes: dict[str, int]
    classes: tuple[str, ...]
    digest: str


class Dataset(ABC):
    """A named data set. Subclass, set the class variables, implement `load`, register."""

    name: ClassVar[str]
    task: ClassVar[str] = "img-classification"
    default_transform: ClassVar[str] = "norm"
    prefix: ClassVar[str] = ""  # set by a class that stands for many: it is made with the name
    about: ClassVar[str]  # one line: what it is, where it is looked for

    @abstractmethod
    def load(self, root: Path, *, download: bool) -> RawData:
        """Read the files.

        Args:
            root: The data folder (`LEMUR2_DATA`); data sets that ship with packages ignore it.
            download: Fetch what is missing where the network allows it.

        Raises:
            UserError: The files are not there, or not what they should be; the message says
                where they were looked for and what to do.
        """

    def split(self, raw: RawData, seed: int) -> Mapping[Part, tuple[Samples, np.ndarray]]:
        """Inputs and targets of each part.

        By default shipped parts stay as they are, and each missing one is a seeded 10 % of the
        training part, stratified by class. Override it where samples are not independent.
        """
        return split_by_class(raw, seed)

    @abstractmethod
    def files(self, root: Path) -> Sequence[Path]:
        """The files that fix what `load` gives, there or not; a changed one is prepared anew."""

    def state(self, root: Path) -> bytes:
        """What tells whether the files changed: names, and contents or times of change."""
        stats = {file: file.stat() for file in self.files(root)}
        small = sum(stat.st_size for stat in stats.values()) <= _HASHED_WHOLE
        found = b""
        for file, stat in stats.items():
            identity = file.read_bytes() if small else f"{stat.st_size} {stat.st_mtime_ns}".encode()
            found += hashlib.sha256(file.name.encode() + b"\n" + identity).digest()
        return found

    def available(self, root: Path) -> bool:
        """Whether `load` would find the files, without reading them."""
        return all(file.is_file() for file in self.files(root))


def inputs_path(folder: Path, part: Part) -> Path:
    """File of a part's inputs in a prepared folder."""
    return folder / ("open" if part == "train" else "held") / f"{part}_inputs.npy"


def targets_path(folder: Path, part: Part) -> Path:
    """File of a part's targets in a prepared folder."""
    return folder / ("open" if part == "train" else "sealed") / f"{part}_targets.npy"


def facts_path(folder: Path) -> Path:
    """File of what people may want to know; only the parent reads it, as it names held samples."""
    return folder / "sealed" / "facts.json"


@dataclass(frozen=True)
class PreparedData:
    """A split data set on disk, every part a plain `.npy` that is memory-mapped.

    `folder/open` holds what workers may map (training inputs and targets). `folder/held` holds
    the inputs of validation and test, `folder/sealed` their targets: only the parent reads them.
    """

    spec: DataSpec
    folder: Path

    def inputs_path(self, part: Part) -> Path:
        """File of a part's inputs."""
        return inputs_path(self.folder, part)

    def targets_path(self, part: Part) -> Path:
        """File of a part's targets."""
        return targets_path(self.folder, part)

    def inputs(self, part: Part) -> np.ndarray:
        """A part's inputs, memory-mapped read-only. Raises UserError where they are damaged."""
        image = len(self.spec.sample_shape) == 3
        shape = (self.spec.sizes[part], *self.spec.sample_shape)
        return self._mapped(self.inputs_path(part), shape, "u" if image else "biuf")

    def targets(self, part: Part) -> np.ndarray:
        """A part's targets, memory-mapped read-only. Raises UserError where they are damaged."""
        return self._mapped(self.targets_path(part), (self.spec.sizes[part],), "biuf")

    def facts(self) -> dict[str, Any]:
        """What the data set's reader told of it for people; nothing where it tells nothing."""
        path = facts_path(self.folder)
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._damaged(path, str(error)) from error
        return found

    def check(self) -> None:
        """Look at every part.

        Raises:
            UserError: A file is not what was prepared: its header, its size, or a class in it.
        """
        for part in PARTS:
            self.inputs(part)
            targets = self.targets(part)
            if targets.ndim == 1 and not 0 <= targets.min() <= targets.max() < self.spec.outputs[0]:
                raise self._damaged(self.targets_path(part), "it has classes that there are not")

    def _mapped(self, path: Path, shape: tuple[int, ...], kinds: str) -> np.ndarray:
        """An array of one of the kinds of number, whose first sizes are these."""
        try:
            with PARSER:  # numpy parses the header of the file as Python
                found: np.ndarray = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(path, str(error) or "it is empty") from error
        if found.dtype.kind not in kinds or found.shape[: len(shape)] != shape or not found.size:
            raise self._damaged(path, f"it is {found.dtype} {found.shape}, not numbers {shape}")
        return found

    def _damaged(self, path: Path, why: str) -> UserError:
        return UserError(
            f"prepared data is damaged: {path}: {' '.join(why.split())}; delete {self.folder}, "
            "then it is prepared again"
        )
