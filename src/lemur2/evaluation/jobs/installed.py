"""The distributions of this environment, which workers may not list."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What is installed where the job was made.

    Attributes:
        versions: By normalised name of the distribution.
        providers: Names of the distributions by the top-level package that they bring.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Installed:
        """Of this process's environment."""
        return _here()


@functools.cache
def _here() -> Installed:
    versions = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in metadata.distributions()
    }
    providers = {k: tuple(v) for k, v in metadata.packages_distributions().items()}
    return Installed(versions=versions, providers=providers)
