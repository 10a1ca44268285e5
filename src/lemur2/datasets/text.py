"""Text as character windows, split by position: the Python reference, and any text file."""

from __future__ import annotations

import importlib
import importlib.util
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lemur2.datasets.base import Dataset
from lemur2.datasets.raw import Part, RawData
from lemur2.errors import UsageError, UserError
from lemur2.paths import inside

WINDOW = 64  # characters that a network sees at once
UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # stands for characters that training never showed
TRAIN_SHARE, VALIDATION_SHARE = 0.8, 0.1
PREFIX = "text:"


class Text(Dataset):
    """A data set cut from one text, by position: first 80 % to train, 10 % to validate, 10 % test.

    The vocabulary is the sorted characters of the training part and, last, one that stands for
    all others. Windows have 64 characters; their targets are the characters one further on.
    """

    task = "txt-generation"
    default_transform = ""

    @abstractmethod
    def read(self, root: Path) -> str:
        """The whole text.

        Raises:
            UserError: It is not there, not text, or too short to be split.
        """

    def load(self, root: Path, *, download: bool) -> RawData:
        """The text as int64 vocabulary indices (N,) with the following ones as targets."""
        text = self.read(root)
        if len(text) < 20 * (WINDOW + 1):
            raise UserError(
                f"data set {self.name!r} has {len(text)} characters, too few to be split; "
                f"give at least {20 * (WINDOW + 1)}"
            )
        vocabulary = _vocabulary(text[: int(TRAIN_SHARE * len(text))])
        indices = _encode(text, vocabulary)
        return RawData((indices[:-1], indices[1:]), None, vocabulary)

    def split(self, raw: RawData, seed: int) -> dict[Part, tuple[np.ndarray, np.ndarray]]:
        """Windows (N, 64) and their targets for each part; by position, whatever the seed.

        Training windows follow each other without a gap. Held-out ones leave one character
        between them, so that no window's last target is the input of another.
        """
        indices = np.concatenate([raw.train[0][np.array([0])], raw.train[1]])
        first = int(TRAIN_SHARE * len(indices))
        second = int((TRAIN_SHARE + VALIDATION_SHARE) * len(indices))
        return {
            "train": _windows(indices[:first], stride=WINDOW),
            "validation": _windows(indices[first:second], stride=WINDOW + 1),
            "test": _windows(indices[second:], stride=WINDOW + 1),
        }


class PythonReference(Text):
    """The Python language reference, which every CPython carries: 0.5 MB of English."""

    name = "python-reference"
    about = "the language reference in CPython's pydoc_data.topics, character by character"

    def files(self, root: Path) -> Sequence[Path]:
        """The module's source, nothing where this Python has none."""
        spec = importlib.util.find_spec("pydoc_data.topics")
        return [Path(spec.origin)] if spec is not None and spec.origin else []

    def available(self, root: Path) -> bool:
        """Whether this Python carries it; some distributions package it apart."""
        return bool(self.files(root))

    def read(self, root: Path) -> str:
        """All topics, in the order of their names. The text varies with Python's version.

        Topics quote each other; a paragraph that came before is left out, since a network that
        memorised it in training would be tested on it.
        """
        if not self.available(root):
            raise UserError(
                "this Python has no pydoc_data.topics; install its full standard library"
            )
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
        return _without_repeats("\n\n".join(topics[name] for name in sorted(topics)))


class TextFile(Text):
    """Any UTF-8 file `<stem>.txt` in the data folder, by the name `text:<stem>`."""

    about = "any <stem>.txt in the data folder (LEMUR2_DATA), by the name text:<stem>"
    prefix = PREFIX

    def __init__(self, name: str) -> None:
        stem = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or not stem or Path(stem).name != stem:
            raise UsageError(
                f"{name!r} names no text file; use {PREFIX}<stem> for <stem>.txt in the data folder"
            )
        self.stem = stem
        self.name = name  # type: ignore[misc]  # one class, a name per file

    @staticmethod
    def names(root: Path) -> tuple[str, ...]:
        """Names of the text files that lie in the data folder, sorted."""
        return tuple(sorted(f"{PREFIX}{path.stem}" for path in root.glob("*.txt")))

    def path(self, root: Path) -> Path:
        """The file, whether it exists or not."""
        return inside(root, self.stem, ".txt")

    def files(self, root: Path) -> Sequence[Path]:
        """The one file."""
        return [self.path(root)]

    def read(self, root: Path) -> str:
        """The file's text."""
        path = self.path(root)
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"data set {self.name!r} is not there: {path} ({error.strerror}); "
                "put the file there or set LEMUR2_DATA"
            ) from error
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not UTF-8 text ({error.reason}); convert it") from error


def _without_repeats(text: str) -> str:
    paragraphs = text.split("\n\n")
    first = {paragraph: number for number, paragraph in reversed(list(enumerate(paragraphs)))}
    kept = (p for number, p in enumerate(paragraphs) if len(p) < WINDOW or first[p] == number)
    return "\n\n".join(kept)


def _vocabulary(text: str) -> tuple[str, ...]:
    return (*sorted(set(text) - {UNKNOWN}), UNKNOWN)


def _encode(text: str, vocabulary: tuple[str, ...]) -> np.ndarray:
    unknown = len(vocabulary) - 1
    index = {character: number for number, character in enumerate(vocabulary)}
    return np.fromiter((index.get(c, unknown) for c in text), dtype=np.int64, count=len(text))


def _windows(indices: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    views = np.lib.stride_tricks.sliding_window_view(indices, WINDOW + 1)[::stride]
    return np.ascontiguousarray(views[:, :-1]), np.ascontiguousarray(views[:, 1:])
