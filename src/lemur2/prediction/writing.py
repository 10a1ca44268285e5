"""Files for people: written whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lemur2.errors import UserError


def write_file(path: Path, data: bytes) -> None:
    """Write a file, in place of one that is there.

    Raises:
        UserError: It cannot be written; what was there stays.
    """
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(data)
        aside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it gets its name when the block ends well.

    Raises:
        UserError: There is something of that name, or it cannot be written.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UserError(f"{path} is there already; choose another name, or remove it")
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        aside.mkdir(parents=True)
        yield aside
        if path.exists():
            path.rmdir()
        aside.rename(path)
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
