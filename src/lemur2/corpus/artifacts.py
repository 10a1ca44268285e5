"""The files that a corpus keeps beside its database, by their content: weights of networks.

A file is written aside and renamed, so it is there whole or not at all. The database says which
files are wanted; what no row names was left by a process that was killed, and `prune` removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemur2.errors import UserError

SUFFIX = ".safetensors"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"([0-9a-f]{64})" + re.escape(SUFFIX))


@dataclass(frozen=True)
class Pruned:
    """What was removed: files, and bytes."""

    files: int
    size: int


class ArtifactStore(ABC):
    """Files by the SHA-256 of their content."""

    place: str  # a folder or a URL, for people

    def put(self, data: bytes) -> str:
        """Store a file; its digest. One that is there already stays.

        Raises:
            UserError: It cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        with self._plain("written to"):
            self._write(_name(digest), data)
        return digest

    def get(self, digest: str) -> bytes:
        """A file's content.

        Raises:
            UserError: It is not there, cannot be read, or is not what was stored.
        """
        with self._plain("read"):
            try:
                data = self._read(_name(digest))
            except FileNotFoundError as error:
                raise UserError(
                    f"the weights {digest[:12]} are not in {self.place}; name the folder that "
                    "they are in with --artifacts, or train the network again"
                ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise UserError(
                f"the weights {digest[:12]} in {self.place} are damaged ({len(data):,} bytes that "
                "are not those stored); train the network again"
            )
        return data

    def remove(self, digests: Collection[str]) -> Pruned:
        """Remove files; those that are not there are passed over."""
        sizes = [self._remove(_name(digest)) for digest in sorted(digests)]
        gone = [size for size in sizes if size is not None]
        return Pruned(len(gone), sum(gone))

    def prune(self, wanted: Collection[str]) -> Pruned:
        """Remove every file that is not wanted, what killed processes left half-written as well.

        To be called while `alone` is held, and with what the database wants then.
        """
        sizes = []
        with self._plain("cleaned"):
            for name in self._names():
                found = _NAME.fullmatch(name.rpartition("/")[2])
                if found is None or found[1] not in wanted:
                    sizes.append(self._remove(name))
        gone = [size for size in sizes if size is not None]
        return Pruned(len(gone), sum(gone))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold while a file is written and until a row names it: nothing is pruned meanwhile."""
        yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold while files are pruned: no process is between a file and its row."""
        yield

    @abstractmethod
    def _write(self, name: str, data: bytes) -> None: ...

    @abstractmethod
    def _read(self, name: str) -> bytes: ...

    @abstractmethod
    def _remove(self, name: str) -> int | None:
        """Remove a file; its size, None where it is not there."""

    @abstractmethod
    def _names(self) -> list[str]:
        """All files, those half-written among them."""

    @contextmanager
    def _plain(self, what: str) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except OSError as error:
            raise UserError(
                f"the artifacts in {self.place} cannot be {what} ({error.strerror or error}); "
                "free some space, or name another folder with --artifacts"
            ) from error


class FolderStore(ArtifactStore):
    """In a folder of this machine, made when the first file is stored."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = str(folder)

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def _read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def _remove(self, name: str) -> int | None:
        path = self.folder / name
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return None
        return size

    def _names(self) -> list[str]:
        parts = self.folder.glob("[0-9a-f][0-9a-f]/*")
        return sorted(str(path.relative_to(self.folder)) for path in (*parts, *self._aside()))

    def _aside(self) -> Iterator[Path]:
        return self.folder.glob("[0-9a-f][0-9a-f]/.*.part")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See `ArtifactStore.writing`; the system lets go of the lock when its holder dies."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `ArtifactStore.alone`."""
        if not self.folder.is_dir():
            yield
            return
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with self._plain("written to"):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("a")
        with file:
            fcntl.flock(file, how)
            yield


class RemoteStore(ArtifactStore):
    """At a URL that fsspec knows (`s3://bucket/folder`, `memory://x`). Writes there are atomic."""

    def __init__(self, url: str) -> None:
        self.place = url
        try:
            import fsspec
        except ModuleNotFoundError:
            raise UserError(f"{url} needs fsspec; run: pip install fsspec") from None
        try:
            files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UserError(f"artifacts cannot be at {url}: {error}") from error
        self._files: Any = files

    def _write(self, name: str, data: bytes) -> None:
        if not self._files.exists(f"{self._root}/{name}"):
            self._files.makedirs(f"{self._root}/{name.rpartition('/')[0]}", exist_ok=True)
            self._files.pipe_file(f"{self._root}/{name}", data)

    def _read(self, name: str) -> bytes:
        data: bytes = self._files.cat_file(f"{self._root}/{name}")
        return data

    def _remove(self, name: str) -> int | None:
        with contextlib.suppress(FileNotFoundError):
            size: int = self._files.size(f"{self._root}/{name}")
            self._files.rm_file(f"{self._root}/{name}")
            return size
        return None

    def _names(self) -> list[str]:
        found = self._files.find(self._root)
        return [name.removeprefix(self._root).lstrip("/") for name in found]


def artifact_store(place: str) -> ArtifactStore:
    """The store at a folder or a URL. Raises UserError."""
    if "://" in place and not place.startswith("file://"):
        return RemoteStore(place)
    return FolderStore(Path(place.removeprefix("file://")).expanduser().absolute())


def _name(digest: str) -> str:
    """Of a file. A digest may come from outside, with an imported corpus. Raises UserError."""
    if not _DIGEST.fullmatch(digest):
        raise UserError(f"the corpus names weights by {digest[:70]!r}, which is no SHA-256 digest")
    return f"{digest[:2]}/{digest}{SUFFIX}"
