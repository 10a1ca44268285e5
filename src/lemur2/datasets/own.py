"""People's own pictures as data sets: what all kinds of sources share."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from lemur2.cache import cache_root
from lemur2.datasets.arrow import ParquetTable, SavedTable
from lemur2.datasets.base import Dataset
from lemur2.datasets.decoding import Collected, collect, median_side
from lemur2.datasets.folders import HIDDEN, ClassFolders
from lemur2.datasets.grouped import grouped
from lemur2.datasets.npz import NumpyArrays
from lemur2.datasets.pictures import Size
from lemur2.datasets.raw import PARTS, Part, RawData, Samples
from lemur2.datasets.sources import Source, Tally
from lemur2.datasets.splits import Chosen
from lemur2.datasets.tables import CsvTable
from lemur2.errors import DataWarning, UsageError, UserError
from lemur2.texts import one_line, printable

_FORMAT = 1  # of what is read; raise it when the same files give other samples
_SLUG = 24  # characters of a source's own name in the short one
_NAMED = 10  # contradictions that are kept by name
_TWICE = "also in a held-out part"


@dataclass(frozen=True)
class Choices:
    """What can be said of a source beside where it is.

    Attributes:
        side: Pixels that pictures are brought to, square; None takes the rule.
        picture: The column of a table that has the pictures; None looks for one.
        label: Likewise, their classes.
    """

    side: int | None = None
    picture: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class PictureData(RawData):
    """Raw data that knows which samples of the training part have the same pixels."""

    groups: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class OwnPictures(Dataset):
    """Pictures that a person has, named by `<kind>:<path>`, or by a name that was remembered.

    Args:
        source: Kind and path.
        name: What it is called; by default a short name made of the path.
        choices: How to read it.
    """

    form: ClassVar[str]  # what the path is, for messages
    columns: ClassVar[bool] = False  # whether it has columns to choose from

    def __init__(
        self, source: str, *, name: str | None = None, choices: Choices | None = None
    ) -> None:
        self.place = self._path(source)
        self.choices = choices or Choices()
        if not self.columns and (self.choices.picture or self.choices.label):
            raise UsageError(f"{self.prefix}{self.form} has no columns to choose from")
        self.name = name or short_name(self.prefix, self.place)  # type: ignore[misc]

    @property
    def source_name(self) -> str:
        """Kind and absolute path."""
        return f"{self.prefix}{self.place}"

    @abstractmethod
    def open(self) -> Source:
        """The pictures. Raises UserError where there are none."""

    def available(self, root: Path) -> bool:
        """Whether it is there; `root` plays no part."""
        return self.place.exists()

    def files(self, root: Path) -> Sequence[Path]:
        """Every file that is read."""
        return self._source.files()

    def state(self, root: Path) -> bytes:
        """Which files there are, of which class, how large, and when they were changed."""
        digest = hashlib.sha256(repr((_FORMAT, self.choices)).encode())
        for name, path in zip(self._source.names(), self._source.files(), strict=True):
            digest.update(os.fsencode(name) + b"\0" + _stat(path))
        return digest.digest()

    def load(self, root: Path, *, download: bool) -> RawData:
        """Decode all pictures."""
        source = self._source
        text = f"reading {self.name}"
        size = self._size(source)
        try:
            found = collect(source, size, cache_root(), text)
        except OSError as error:
            raise UserError(
                f"the pictures of {self.name!r} cannot be decoded into {cache_root()} "
                f"({error.strerror or error}); make room, or set LEMUR2_CACHE to another folder"
            ) from error
        made = _Making(self.name, self.source_name, source, found).made()
        self._warn(found.skipped, made)
        return made

    def split(self, raw: RawData, seed: int) -> Mapping[Part, tuple[Samples, np.ndarray]]:
        """By class and seed; pictures with the same pixels are all in one part."""
        assert isinstance(raw, PictureData)
        inputs, targets = raw.train
        made: list[Part] = [part for part in PARTS[1:] if getattr(raw, part) is None]
        chosen = grouped(targets, raw.groups, len(made), seed)
        parts = {
            part: (Chosen(inputs, positions), targets[positions])
            for part, positions in zip(("train", *made), chosen, strict=True)
        }
        shipped = {part: getattr(raw, part) for part in PARTS[1:] if part not in parts}
        parts |= shipped
        return {part: parts[part] for part in PARTS}

    @cached_property
    def _source(self) -> Source:
        return self.open()

    def _size(self, source: Source) -> Size:
        if self.choices.side is not None:
            return self.choices.side, self.choices.side
        if source.uniform is not None:
            return source.uniform
        side = median_side(source, f"looking at {self.name}")
        return side, side

    def _path(self, source: str) -> Path:
        text = source.removeprefix(self.prefix)
        if not source.startswith(self.prefix) or not text or "\0" in text:
            raise UsageError(f"{source!r} names nothing; use {self.prefix}{self.form}")
        return Path(os.path.abspath(Path(text).expanduser()))

    def _warn(self, skipped: Tally, made: RawData) -> None:
        """What a person has to know who does not ask: all but hidden files."""
        lines = skipped.lines(but=[HIDDEN])
        said = [f"skipped {'; '.join(lines)}"] if lines else []
        if count := made.facts["contradictions"]["count"]:
            said.append(f"of several classes at once: {count} (`lemur2 datasets show`)")
        if said:
            warnings.warn(f"{self.name}: {'; '.join(said)}", DataWarning, stacklevel=2)


class PictureFolder(OwnPictures):
    """`folder:PATH`."""

    prefix = "folder:"
    form = "PATH"
    about = "your pictures, a folder a class, or train / val / test above them: folder:PATH"

    def open(self) -> Source:
        """Look through the folder."""
        return ClassFolders(self.place)


class PictureTable(OwnPictures):
    """`csv:FILE`."""

    prefix = "csv:"
    columns = True
    form = "FILE"
    about = "your pictures, listed in a table with a column of files and one of classes: csv:FILE"

    def open(self) -> Source:
        """Read the table."""
        return CsvTable(self.place, self.choices.picture, self.choices.label)


class PictureParquet(OwnPictures):
    """`parquet:FILE`."""

    prefix = "parquet:"
    columns = True
    form = "FILE"
    about = "your pictures in Parquet, as files of the Hugging Face Hub are: parquet:FILE"

    def open(self) -> Source:
        """Look at the table's columns."""
        return ParquetTable(self.place, self.choices.picture, self.choices.label)


class SavedPictures(OwnPictures):
    """`saved:PATH`."""

    prefix = "saved:"
    columns = True
    form = "PATH"
    about = "a Hugging Face data set of pictures that was saved to disk: saved:PATH"

    def open(self) -> Source:
        """Look at the table's columns."""
        return SavedTable(self.place, self.choices.picture, self.choices.label)


class PictureArrays(OwnPictures):
    """`npz:FILE`."""

    prefix = "npz:"
    form = "FILE"
    about = "your pictures as arrays, x_train with y_train or images with labels: npz:FILE"

    def open(self) -> Source:
        """Look at the arrays."""
        return NumpyArrays(self.place)


OWN: tuple[type[OwnPictures], ...] = (
    PictureFolder,
    PictureTable,
    PictureParquet,
    SavedPictures,
    PictureArrays,
)


def short_name(prefix: str, place: Path) -> str:
    """A name for a path: short, printable, no part of a path itself, and without `_`."""
    stem = re.sub(r"[^a-z0-9]+", "-", place.stem.lower()).strip("-")[:_SLUG].strip("-")
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    return f"{prefix}{stem}-{digest}" if stem else f"{prefix}{digest}"


def _stat(path: Path) -> bytes:
    """What tells whether a file was changed."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}\n".encode()
    return f"{found.st_size} {found.st_mtime_ns}\n".encode()


class _Making:
    """From what was decoded to raw data: classes, parts, copies; or one line that says why not."""

    def __init__(self, name: str, where: str, source: Source, found: Collected) -> None:
        self.name, self.where, self.source, self.found = name, where, source, found
        self.labels = np.array([printable(label) for label in found.labels], dtype=object)
        self.parts = np.array([part or "train" for part in found.parts], dtype=object)
        _, groups = np.unique(np.array(found.digests, dtype="S16"), return_inverse=True)
        self.groups = groups.astype(np.int64)

    def made(self) -> PictureData:
        """The raw data. Raises UserError."""
        if not self.found.names:
            raise UserError(
                f"data set {self.name!r} has no picture that can be read in {self.where}: "
                f"{one_line('; '.join(self.found.skipped.lines()))}"
            )
        if len(set(self.found.parts)) > 1 or self.found.parts[0] is not None:
            self._leave_out_copies()
        classes = self._classes()
        number = {label: index for index, label in enumerate(classes)}
        targets = np.array([number[label] for label in self.labels], dtype=np.int64)
        part = {each: self._part(each, targets) for each in PARTS}
        train = part["train"]
        assert train is not None
        return PictureData(
            train=train,
            test=part["test"],
            classes=classes,
            validation=part["validation"],
            groups=self.groups[self._of("train")],
            facts=self._facts(),
        )

    def _of(self, part: Part) -> np.ndarray:
        return np.flatnonzero(self.parts == part)

    def _part(self, part: Part, targets: np.ndarray) -> tuple[Samples, np.ndarray] | None:
        positions = self._of(part)
        if not len(positions):
            return None
        return Chosen(self.found.pixels, positions), targets[positions]

    def _leave_out_copies(self) -> None:
        """Of pictures in several parts, the copies in the test part stay, else in validation."""
        rank = {"train": 0, "validation": 1, "test": 2}
        ranks = np.array([rank[part] for part in self.parts])
        highest = np.zeros(self.groups.max() + 1, dtype=np.int64)
        np.maximum.at(highest, self.groups, ranks)
        for position in np.flatnonzero(ranks < highest[self.groups]):
            self.parts[position] = "left out"
            self.found.skipped.add(self.found.names[position], _TWICE)

    def _classes(self) -> tuple[str, ...]:
        """Those that occur. Raises UserError where they are no use for training."""
        kept = self.parts != "left out"
        there = set(self.labels[kept])
        trained = set(self.labels[self.parts == "train"])
        if not trained:
            raise UserError(
                f"data set {self.name!r} has no picture to train on in {self.where}; "
                "put pictures into its train part"
            )
        missing = sorted(there - trained)
        if missing:
            raise UserError(
                f"class {missing[0]!r} of data set {self.name!r} is in a held-out part and not in "
                "the train part; labels must be in the train part, too"
            )
        if len(there) < 2:
            raise UserError(
                f"data set {self.name!r} has one class only, {there.pop()!r}; give pictures of two "
                "classes at least"
            )
        return self._ordered(there)

    def _ordered(self, there: set[str]) -> tuple[str, ...]:
        """In the source's order, else by number where all are numbers, else by name."""
        if self.source.classes is not None:
            known = list(dict.fromkeys(map(printable, self.source.classes)))
            for label in known:
                if label not in there:
                    self.found.skipped.add(label, "class without a picture")
            return tuple(label for label in known if label in there)
        if all(re.fullmatch(r"-?\d{1,15}", label) for label in there):
            return tuple(sorted(there, key=lambda label: (int(label), label)))
        return tuple(sorted(there))

    def _facts(self) -> dict[str, Any]:
        found = self.found
        heights, widths = np.array(found.sizes).T
        common = Counter((int(w), int(h)) for h, w in found.sizes).most_common(5)
        groups = np.bincount(self.groups)
        return {
            "source": printable(self.where),
            "pictures": int((self.parts != "left out").sum()),
            "widths": _range(widths),
            "heights": _range(heights),
            "common_sizes": [{"width": w, "height": h, "count": n} for (w, h), n in common],
            "skipped": found.skipped.as_json(),
            "copies": {
                "pictures": int((groups[groups > 1] - 1).sum()),
                "of": int((groups > 1).sum()),
            },
            "contradictions": self._contradictions(),
        }

    def _contradictions(self) -> dict[str, Any]:
        """Pictures that are there under several classes."""
        first: dict[int, str] = {}
        several: dict[int, None] = {}
        for group, label in zip(self.groups.tolist(), self.labels, strict=True):
            if first.setdefault(group, label) != label:
                several[group] = None
        shown = [np.flatnonzero(self.groups == group)[:_NAMED] for group in list(several)[:_NAMED]]
        return {
            "count": len(several),
            "pictures": [
                [{"name": printable(self.found.names[i]), "class": self.labels[i]} for i in each]
                for each in shown
            ],
        }


def _range(values: np.ndarray) -> dict[str, int]:
    return {
        "least": int(values.min()),
        "median": int(np.median(values)),
        "most": int(values.max()),
    }
