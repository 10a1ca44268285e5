"""Where models are kept."""

from pathlib import Path

from lemur2.cache import cache_root


def models_folder() -> Path:
    """`models` in the cache: `$LEMUR2_CACHE/models`, or ~/.cache/lemur2/models."""
    return cache_root() / "models"
