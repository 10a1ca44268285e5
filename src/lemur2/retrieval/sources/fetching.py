"""Fetching sources: aside first, within bounds, and in place only when all of it is there."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lemur2.errors import UserError
from lemur2.paths import stays_inside

TIMEOUT = 600.0  # seconds that one fetch may take
_LOOK = 0.5  # seconds between two looks at what is fetched


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What sources may be: files, and bytes of all of them and of the largest one."""

    files: int
    total: int
    single: int


CLONE = Bounds(files=200_000, total=4 << 30, single=2 << 30)
"""Of a repository, its packed history included."""
WHEEL = Bounds(files=100_000, total=1 << 30, single=32 << 20)
"""Of what is taken out of a wheel; that of transformers, the largest known, has 70 MB."""


@contextmanager
def aside(target: Path) -> Iterator[Path | None]:
    """A folder to fetch to, which becomes `target` when the block ends well.

    None where `target` is there already. Processes that want the same one wait for each other;
    what a killed one left behind is removed.

    Raises:
        UserError: Nothing can be written there.
    """
    if target.is_dir():
        yield None
        return
    scratch = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.with_name(f".{target.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if target.is_dir():  # another process was quicker
                yield None
                return
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            try:
                yield scratch
                scratch.rename(target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"{target.parent} cannot be written ({error.strerror or error}); make room, or set "
            "LEMUR2_CACHE to another folder"
        ) from error


def unpack(wheel: Path, folder: Path, bounds: Bounds = WHEEL) -> None:
    """Take the Python files and the metadata out of a wheel.

    Raises:
        UserError: It is no wheel, or holds more than `bounds`.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            infos = [info for info in archive.infolist() if _is_wanted(info)]
            sizes = [info.file_size for info in infos]  # reading stops there, whatever follows
            _check(wheel.name, bounds, len(sizes), sum(sizes), max(sizes, default=0))
            for info in infos:
                if not stays_inside(info.filename):
                    raise UserError(f"{wheel} names a place outside itself ({info.filename!r})")
                archive.extract(info, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError):
        raise UserError(f"{wheel} is not a wheel, or damaged; download it again") from None


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith(".py") or ".dist-info/" in info.filename


def _check(what: str, bounds: Bounds, files: int, total: int, single: int) -> None:
    if files > bounds.files or total > bounds.total or single > bounds.single:
        raise UserError(
            f"{what} unpacks to {files:,} files of {total >> 20:,} MB, the largest of "
            f"{single >> 20:,} MB; at most {bounds.files:,}, {bounds.total >> 20:,} MB and "
            f"{bounds.single >> 20:,} MB are taken: give a folder with the part that you want"
        )


def fetch(command: Sequence[str], what: str, folder: Path, bounds: Bounds = CLONE) -> None:
    """Run a command that fills `folder`, and end it where that outgrows the bounds.

    Raises:
        UserError: It fails, takes longer than `TIMEOUT`, or fetches too much.
    """
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
    log = folder.with_name(f"{folder.name}.log")
    with log.open("w+", encoding="utf-8", errors="replace") as said:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, **quiet},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise UserError(
                f"{command[0]} is not installed; it is needed to fetch {what}"
            ) from None
        finally:
            log.unlink()
        try:
            code = _watch(process, what, folder, bounds)
        finally:
            _end(process)
        said.seek(0)
        lines = [line for line in said.read(1 << 16).splitlines() if line.strip()]
    if code:
        reason = lines[-1].strip() if lines else f"exit code {code}"
        raise UserError(f"{what} cannot be fetched ({reason}); check the network, or give a folder")


def _watch(process: subprocess.Popen[bytes], what: str, folder: Path, bounds: Bounds) -> int:
    """Wait for its end; the exit code."""
    until = time.monotonic() + TIMEOUT
    while True:
        try:
            code = process.wait(_LOOK)
        except subprocess.TimeoutExpired:
            code = None
        _check(what, bounds, *_measured(folder))
        if code is not None:
            return code
        if time.monotonic() > until:
            raise UserError(
                f"{what} did not arrive within {TIMEOUT:.0f} s; check the network, or give a folder"
            )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _measured(folder: Path) -> tuple[int, int, int]:
    """Files below a folder, the bytes of all and of the largest; what vanishes is not counted."""
    files = total = single = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as items:
                for item in items:
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(Path(item.path))
                    files += 1
                    size = item.stat(follow_symlinks=False).st_size
                    total, single = total + size, max(single, size)
        except FileNotFoundError:
            continue
    return files, total, single
