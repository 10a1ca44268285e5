"""Names that come from outside, and the paths that are made of them: none leaves its folder."""

from __future__ import annotations

from pathlib import Path

from lemur2.errors import UserError

LONGEST_NAME = 200  # characters
_LONGEST_FILE = 255  # bytes, of every file system that matters
_RESERVED = frozenset({"__init__"})  # a module of this name is a package's own


class NoFileName(UserError):
    """A name that no file may have."""


def is_name(text: object) -> bool:
    """Whether this can name what a corpus holds: a network, a task, a device, ...

    It has at most `LONGEST_NAME` characters, all printable, and is one part of a path: no
    separator, no dot at the beginning, no space at an end. Every database, terminal and file
    system takes it.
    """
    return isinstance(text, str) and len(text) <= LONGEST_NAME and _is_part(text)


def stays_inside(path: str) -> bool:
    """Whether a path with `/` is relative and climbs nowhere."""
    return not path.startswith(("/", "~")) and ".." not in path.split("/")


def inside(folder: Path, name: str, suffix: str = "") -> Path:
    """The path of a file or folder that is called by a name, right in `folder`.

    Args:
        folder: Where; not looked at.
        name: As a corpus, an index or a candidate has it: never trusted.
        suffix: Our own, with its dot.

    Raises:
        NoFileName: It is no part of a path, or too long for a file's name.
    """
    if not _is_part(name) or len(f"{name}{suffix}".encode()) > _LONGEST_FILE:
        shown = name if len(name) <= LONGEST_NAME else f"{name[:40]}…"
        raise NoFileName(f"no file may be called {shown!r}; give it another name")
    return folder / f"{name}{suffix}"


def _is_part(text: str) -> bool:
    return (
        text.isprintable()
        and text == text.strip() != ""
        and not text.startswith(".")
        and not {"/", "\\"} & set(text)
        and text not in _RESERVED
    )
