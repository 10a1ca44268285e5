"""Where models are kept."""

import os
from pathlib import Path


def models_folder() -> Path:
    """`models` in the cache: `$LEMUR2_CACHE/models`, or ~/.cache/lemur2/models."""
    return Path(os.environ.get("LEMUR2_CACHE") or Path.home() / ".cache/lemur2") / "models"
