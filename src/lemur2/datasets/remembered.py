"""Data sets that have a name because somebody gave them one: a small file in the data folder."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lemur2.datasets.root import data_root
from lemur2.errors import UsageError, UserError
from lemur2.suggestions import did_you_mean

FILE = "datasets.json"
_FORMAT = 1
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 40  # characters of a name


@dataclass(frozen=True)
class Entry:
    """What is known of a data set that was given a name.

    Attributes:
        source: Kind and absolute path, `folder:/home/me/flowers`.
        side: Pixels that its pictures are brought to; None takes the rule.
        picture: The column of a table with the pictures; None looks for one.
        label: Likewise, their classes.
        given: Whether a person chose the name; else it was made of a path that was used.
    """

    source: str
    side: int | None = None
    picture: str | None = None
    label: str | None = None
    given: bool = True


def check_name(name: str) -> None:
    """Raise UsageError where this is no name to give: it is a part of paths and of other names."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"no data set may be called {name[:_LONGEST]!r}; use small letters, digits and single "
            f"hyphens between them, at most {_LONGEST}"
        )


def entries() -> dict[str, Entry]:
    """All that are remembered, by name.

    Raises:
        UserError: The file is damaged.
    """
    path = data_root() / FILE
    try:
        stored = json.loads(path.read_text(encoding="ascii"))
        if stored["format"] != _FORMAT:
            raise ValueError(f"its format is {stored['format']!r}")
        return {str(name): _entry(values) for name, values in stored["datasets"].items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise UserError(
            f"the list of your data sets {path} cannot be read ({why}); repair or delete it"
        ) from error


def _entry(values: dict[str, Any]) -> Entry:
    entry = Entry(**values)
    side = entry.side
    texts = (entry.source, entry.picture or "", entry.label or "")
    whole = side is None or (isinstance(side, int) and side > 0)
    if not whole or not all(isinstance(text, str) for text in texts):
        raise ValueError("a value is of the wrong type")
    return entry


def find(name: str) -> Entry | None:
    """What is remembered under a name."""
    return entries().get(name)


def remember(name: str, entry: Entry) -> None:
    """Keep one under a name that is free, or that has the same already.

    Raises:
        UserError: The name is another's, or the file cannot be written.
    """
    with _changing() as known:
        before = known.get(name)
        if before is not None and before != entry:
            raise UserError(
                f"the name {name!r} stands for {before.source}; choose another, or "
                f"`lemur2 datasets remove {name}` first"
            )
        known[name] = entry


def forget(name: str) -> Entry:
    """Let one go; its files stay.

    Raises:
        UserError: There is none of that name, or the file cannot be written.
    """
    with _changing() as known:
        if name not in known:
            hint = did_you_mean(name, known, "`lemur2 datasets list` lists them")
            raise UserError(f"no data set is remembered as {name!r}; {hint}")
        return known.pop(name)


@contextmanager
def _changing() -> Iterator[dict[str, Entry]]:
    """The entries, to be changed; stored whole or not at all, one process after the other."""
    folder = data_root()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f".{FILE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = entries()
            before = dict(known)
            yield known
            if known != before:
                _store(folder, known)
    except OSError as error:
        raise UserError(
            f"the list of your data sets cannot be written in {folder} "
            f"({error.strerror or error}); set LEMUR2_DATA to a folder that can be"
        ) from error


def _store(folder: Path, known: dict[str, Entry]) -> None:
    values = {name: asdict(entry) for name, entry in sorted(known.items())}
    scratch = folder / f".{FILE}.unfinished"
    with scratch.open("w", encoding="ascii") as file:
        json.dump({"format": _FORMAT, "datasets": values}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / FILE)
