"""Files of a corpus, in a zip archive or in a folder, read one at a time and never run."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lemur2.errors import UserError

MAX_FILES = 5_000_000
"""The most files that are read of one source; the largest known has 110,000."""
MAX_SIZE = 64 << 30
"""Bytes of all files of an archive; the largest known has 1.5 billion."""
_DEEPEST = 12  # folders below a source; the layout has 6


class Damaged(Exception):
    """A file of the source that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its path in the source, with `/`, and its size in bytes."""

    path: str
    size: int


class Archive(Protocol):
    """Where files come from."""

    @property
    def entries(self) -> list[Entry]:
        """Every file, in no particular order."""

    def read(self, entry: Entry) -> bytes:
        """A file's content.

        Raises:
            Damaged: It cannot be read.
        """

    def checksum(self, entry: Entry) -> int:
        """The CRC-32 of a file's content.

        Raises:
            Damaged: It cannot be read.
        """

    def close(self) -> None:
        """Let go of the source."""


def open_archive(path: Path) -> Archive:
    """The zip archive or folder at `path`.

    Raises:
        UserError: It is neither, or cannot be read.
    """
    if path.is_dir():
        return FolderArchive(path)
    if not path.is_file():
        raise UserError(
            f"there is no file or folder {path}; give a wheel, a folder or `nn-dataset`"
        )
    try:
        return ZipArchive(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        raise UserError(
            f"{path} is no wheel, or only the beginning of one; download it again"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


class ZipArchive:
    """A wheel, or any other zip archive."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._zip = opened
        self._infos = {info.filename: info for info in opened.infolist() if not info.is_dir()}
        size = sum(info.file_size for info in self._infos.values())
        if len(self._infos) > MAX_FILES or size > MAX_SIZE:
            opened.close()
            raise UserError(
                f"{opened.filename} has {len(self._infos):,} files of {size >> 20:,} MB, more than "
                f"any corpus has ({MAX_FILES:,}, {MAX_SIZE >> 20:,}); nothing was read"
            )

    @property
    def entries(self) -> list[Entry]:
        """Every file; of two with the same path the last one, as unpacking would leave it."""
        return [Entry(path, info.file_size) for path, info in self._infos.items()]

    def read(self, entry: Entry) -> bytes:
        """A file's content, never longer than the archive's directory says."""
        try:
            return self._zip.read(self._infos[entry.path])
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Damaged(f"damaged in the archive ({error})") from error
        except (NotImplementedError, RuntimeError) as error:  # another compression, a password
            raise Damaged(f"cannot be unpacked ({error})") from error

    def checksum(self, entry: Entry) -> int:
        """As the archive's directory says; reading verifies it."""
        return self._infos[entry.path].CRC

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


class FolderArchive:
    """An unpacked wheel, a checkout, or any other folder. Links are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def entries(self) -> list[Entry]:
        """Every ordinary file below the folder, hidden folders left out."""
        found: list[Entry] = []
        waiting = [(self._root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            for item in _listed(folder):
                if item.is_dir(follow_symlinks=False):
                    if not item.name.startswith(".") and prefix.count("/") < _DEEPEST:
                        waiting.append((Path(item.path), f"{prefix}{item.name}/"))
                elif item.is_file(follow_symlinks=False):
                    size = item.stat(follow_symlinks=False).st_size
                    found.append(Entry(prefix + item.name, size))
            if len(found) > MAX_FILES:
                raise UserError(
                    f"{self._root} has over {MAX_FILES:,} files; name a corpus's folder"
                )
        return found

    def read(self, entry: Entry) -> bytes:
        """A file's content, no longer than when it was listed."""
        try:
            with (self._root / entry.path).open("rb") as file:
                return file.read(entry.size)
        except OSError as error:
            raise Damaged(f"cannot be read ({error.strerror})") from error

    def checksum(self, entry: Entry) -> int:
        """Of the content as it is now."""
        return zlib.crc32(self.read(entry))

    def close(self) -> None:
        """Nothing is held open."""


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return list(items)
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from None
