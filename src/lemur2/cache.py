"""Where lemur2 keeps what can be made again: prepared data, models, blocks."""

import os
from pathlib import Path


def cache_root() -> Path:
    """`$LEMUR2_CACHE`, or ~/.cache/lemur2."""
    return Path(os.environ.get("LEMUR2_CACHE") or Path.home() / ".cache/lemur2")
