"""Where data sets are looked for."""

import os
from pathlib import Path


def data_root() -> Path:
    """Where data sets are looked for: `LEMUR2_DATA`, or ~/.local/share/lemur2/data."""
    return Path(os.environ.get("LEMUR2_DATA") or Path.home() / ".local/share/lemur2/data")
