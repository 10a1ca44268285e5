"""What the readers of people's own data give: pictures with labels, one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lemur2.datasets.pictures import Content, Size
from lemur2.datasets.raw import Part
from lemur2.texts import printable

PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_NAMED = 5  # of what was skipped for one reason, by name


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as it is found, not decoded yet.

    Attributes:
        name: What messages call it: a path inside the source, or a row.
        label: Its class.
        part: Where the source says that it belongs; None where the split decides.
        content: The file, the encoded picture, or its pixels.
    """

    name: str
    label: str
    part: Part | None
    content: Content


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not taken, and why, in words that are alike for all of its kind."""

    name: str
    reason: str


Found = Picture | Skipped


class Source(ABC):
    """Pictures with labels, to be gone through as often as it takes; none is held in memory."""

    classes: Sequence[str] | None = None  # in their order, where the source has one
    uniform: Size | None = None  # height and width, where all pictures have the same by nature

    @abstractmethod
    def __len__(self) -> int:
        """How many there are to look at."""

    @abstractmethod
    def __iter__(self) -> Iterator[Found]:
        """Every picture, and what was skipped, in an order that never changes."""

    @abstractmethod
    def files(self) -> Sequence[Path]:
        """The files that it reads."""

    def names(self) -> Sequence[str]:
        """What each file is to the data set; a file that moves to another class is another one."""
        return [path.name for path in self.files()]


@dataclass
class Tally:
    """What was skipped: counted by reason, the first few by name."""

    counts: dict[str, int] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Count one."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        named = self.named.setdefault(reason, [])
        if len(named) < _NAMED:
            named.append(printable(name))

    def lines(self, *, but: Sequence[str] = ()) -> list[str]:
        """One phrase for each reason: `no picture: 2 (a.txt, b.txt)`."""
        return [
            f"{reason}: {count} ({', '.join(self.named[reason])}{_more(count)})"
            for reason, count in self.counts.items()
            if reason not in but
        ]

    def as_json(self) -> list[dict[str, Any]]:
        """The same for scripts."""
        return [
            {"reason": reason, "count": count, "names": self.named[reason]}
            for reason, count in self.counts.items()
        ]


def _more(count: int) -> str:
    return ", ..." if count > _NAMED else ""
