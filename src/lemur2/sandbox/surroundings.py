"""What a result may depend on beside what was asked for: versions, and the machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

_PACKAGES = ("torch", "torchvision")


def surroundings() -> dict[str, Any]:
    """Of this process: versions (None of what is not installed), platform, CPUs."""
    return {
        "lemur2": _version("lemur2"),
        "python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
        "platform": f"{sys.platform}-{platform.machine()}",
        "cpus": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
