"""Where the index and the library of blocks are kept."""

from __future__ import annotations

from pathlib import Path

from lemur2.cache import cache_root


def blocks_root() -> Path:
    """`blocks` in the cache: `$LEMUR2_CACHE/blocks`, or ~/.cache/lemur2/blocks."""
    return cache_root() / "blocks"


def index_path() -> Path:
    """The index of sources."""
    return blocks_root() / "index.db"


def library_path() -> Path:
    """The library of validated blocks."""
    return blocks_root() / "library.db"
