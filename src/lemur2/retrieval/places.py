"""Where the index and the library of blocks are kept."""

from __future__ import annotations

import os
from pathlib import Path


def blocks_root() -> Path:
    """`LEMUR2_CACHE` or ~/.cache/lemur2, and in it `blocks`."""
    return Path(os.environ.get("LEMUR2_CACHE") or Path.home() / ".cache/lemur2") / "blocks"


def index_path() -> Path:
    """The index of sources."""
    return blocks_root() / "index.db"


def library_path() -> Path:
    """The library of validated blocks."""
    return blocks_root() / "library.db"
