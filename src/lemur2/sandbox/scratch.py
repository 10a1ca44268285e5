"""A worker's scratch folder, as the processes that bury workers see it: what is in it, its removal.

What a candidate made there may be anything: paths longer than the kernel takes, thousands of
folders in each other, folders that cannot be read. So both go by descriptors and entries' names,
never by paths, and neither recurses without a bound.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Container, Iterator
from itertools import count
from pathlib import Path

from lemur2.sandbox.limits import MIB, Limits

_MOST_LEVELS = 32
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Excess(Exception):
    """More than is allowed."""


def excess(folder: Path, limits: Limits) -> str | None:
    """What there is too much of in a folder, in words; None where it is within the limits.

    Looks at no more entries than are allowed, so it takes milliseconds whatever is in there. What
    cannot be looked into counts as too much.
    """
    walk = _Walk(limits)
    try:
        walk.visit(os.open(folder, _FOLDER), 0)
    except _Excess as found:
        return str(found)
    except FileNotFoundError:  # who cleared the temporary folder took it, too
        return None
    except OSError as error:
        return f"folders that cannot be looked into ({error.strerror})"
    return None


class _Walk:
    """Counts what is below a folder; stops at the first limit that it meets."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bytes = 0
        self.entries = 0

    def visit(self, descriptor: int, level: int) -> None:
        """Count a folder's entries, and close it. Raises _Excess, OSError."""
        try:
            if level > _MOST_LEVELS:
                raise _Excess(f"folders more than {_MOST_LEVELS} deep")
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):  # removed in the meantime
                        self._count(entry)
                        if entry.is_dir(follow_symlinks=False):
                            inner = os.open(entry.name, _FOLDER, dir_fd=descriptor)
                            self.visit(inner, level + 1)
        finally:
            os.close(descriptor)

    def _count(self, entry: os.DirEntry[str]) -> None:
        self.entries += 1
        self.bytes += entry.stat(follow_symlinks=False).st_blocks * 512
        if self.entries > self.limits.files:
            raise _Excess(f"more than {self.limits.files:,} files and folders")
        if self.bytes > self.limits.scratch:
            raise _Excess(f"more than {self.limits.scratch / MIB:g} MiB")


def held(process: int, folder: str) -> int:
    """Bytes of removed files that a process keeps on the disk, by having them open or mapped.

    Counted are all files that are open, and what is mapped of others that were below a folder.
    Raises OSError where that cannot be looked up.
    """
    opened = _held_open(process)
    return sum(opened.values()) + _held_mapped(process, folder, opened)


def _held_open(process: int) -> dict[int, int]:
    """Bytes by inode."""
    found = {}
    for number in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed in the meantime
            status = os.stat(f"/proc/{process}/fd/{number}")
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                found[status.st_ino] = status.st_blocks * 512
    return found


def _held_mapped(process: int, folder: str, opened: Container[int]) -> int:
    total, below = 0, os.fsencode(folder.replace("\n", "\\012") + os.sep)
    with open(f"/proc/{process}/maps", "rb") as maps:
        for line in maps:
            if line.endswith(b" (deleted)\n"):
                bounds, _, _, _, inode, path = line.split(maxsplit=5)
                start, _, end = bounds.partition(b"-")
                if path.startswith(below) and int(inode) not in opened:
                    total += int(end, 16) - int(start, 16)
    return total


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, whatever that is. Never raises.

    It is emptied level by level: an inner folder is moved to the top before it is looked into.
    """
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
        top = os.open(folder, _FOLDER)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _empty(top: int) -> None:
    names = (f"{secrets.token_hex(16)}-{number}" for number in count())
    waiting = ["."]
    while waiting:
        name = waiting.pop()
        with contextlib.suppress(OSError):
            waiting += _take_out(top, name, names)
        if name != ".":
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=top)


def _take_out(top: int, folder: str, names: Iterator[str]) -> list[str]:
    """Empty a folder of `top`; the new names, in `top`, of the folders that were in it."""
    moved = []
    descriptor = os.open(folder, _FOLDER, dir_fd=top)
    try:
        with os.scandir(descriptor) as entries:
            found = list(entries)
        for entry in found:
            with contextlib.suppress(OSError):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.name, dir_fd=descriptor)
                    continue
                os.chmod(entry.name, 0o700, dir_fd=descriptor)
                name = next(names)
                os.rename(entry.name, name, src_dir_fd=descriptor, dst_dir_fd=top)
                moved.append(name)
    finally:
        os.close(descriptor)
    return moved
