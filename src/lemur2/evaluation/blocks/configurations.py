"""Worker side: the values that an origin's own configuration classes have by default."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network

_MISSING = object()


def look_installed(versions: Mapping[str, str], providers: Mapping[str, Sequence[str]]) -> None:
    """Have libraries find what they may import, and find the rest not installed.

    The sandbox lets nobody list what is installed, which libraries do to find versions.

    Args:
        versions: Of the installed distributions, by normalised name.
        providers: The distributions that bring each top-level name.
    """

    def version(name: str) -> str:
        found = versions.get(re.sub(r"[-_.]+", "-", name).lower())
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    vars(metadata).update(version=version, packages_distributions=lambda: providers)
    sys.meta_path[:] = [_WithoutForbidden() if f is PathFinder else f for f in sys.meta_path]


def default_settings(module: str) -> dict[str, dict[str, Any]]:
    """By class name, what the classes `*Config` of a module give without arguments.

    A class that cannot be made without arguments is left out. Raises Refusal where the module
    cannot be imported.
    """
    with network.stage(Verdict.IMPORT):
        found = vars(importlib.import_module(module))
    kinds = {
        name: kind
        for name, kind in found.items()
        if isinstance(kind, type) and name.endswith("Config") and kind.__module__ == module
    }
    return dict(_made(kinds))


def _made(kinds: Mapping[str, type]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, kind in kinds.items():
        try:
            with network.stage(Verdict.BUILD):
                values = _values(kind())
        except Refusal:
            continue
        yield name, values


def _values(config: Any) -> dict[str, Any]:
    """Its attributes that are plain values, under all the names that it answers to."""
    names = {*vars(config), *getattr(config, "attribute_map", {})}
    values = {name: _plain(getattr(config, name, _MISSING)) for name in sorted(names)}
    return {
        name: value
        for name, value in values.items()
        if value is not _MISSING and name.isidentifier()
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return _MISSING if _MISSING in items else items
    if isinstance(value, dict):
        made = {str(key): _plain(item) for key, item in value.items()}
        return _MISSING if _MISSING in made.values() else made
    return _values(value) if type(value).__name__.endswith("Config") else _MISSING


class _WithoutForbidden:
    """Finds what the usual path finder finds, but for packages that the sandbox may not read.

    Libraries ask whether optional packages are there, and expect no or an ImportError, not that
    they are there and forbidden.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's spec; None where its file may not be read."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.has_location and spec.origin:
            try:
                with open(spec.origin, "rb"):
                    pass
            except PermissionError:
                return None
        return spec
