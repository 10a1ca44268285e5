"""Which files of an origin are indexed, and what modules they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lemur2.paths import is_name
from lemur2.retrieval.values import Origin

#: Larger files are tables of numbers or generated; they are left out with a line that says so.
MAX_BYTES = 4 << 20

_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env"}
)
_HEADER_BYTES = 2000
_DEEPEST = 40  # folders below a root


@dataclass(frozen=True)
class Listed:
    """A file of an origin.

    Attributes:
        path: Relative to the origin's root, with `/`.
        module: Its dotted name: from the first folder upwards that is no package.
        is_package: Whether it is an `__init__.py`.
        size: Bytes.
    """

    path: str
    module: str
    is_package: bool
    size: int


def list_files(origin: Origin) -> list[Listed]:
    """The Python files of an origin, without those that others were generated from."""
    found: list[Listed] = []
    # Installers may link files of a distribution to a cache of theirs.
    fits = Path.is_file if origin.packages else partial(is_own, origin.root)
    for top in origin.packages or ("",):
        start = origin.root / top
        if start.is_file():
            found.append(_listed(origin.root, start, {}))
        else:
            found += _walk(origin.root, start, fits)
    return sorted(_without_templates(origin.root, found), key=lambda file: file.path)


def is_own(root: Path, path: Path) -> bool:
    """Whether this is a file, and no link that leads out of the root."""
    try:
        return path.is_file() and path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def _walk(root: Path, start: Path, fits: Callable[[Path], bool]) -> Iterator[Listed]:
    packages: dict[Path, bool] = {}
    for folder, folders, names in os.walk(start):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED_FOLDERS and is_name(f))
        if folder.count(os.sep) - str(start).count(os.sep) >= _DEEPEST:
            folders.clear()
        for name in names:
            path = Path(folder, name)
            if name.endswith(".py") and name.isprintable() and fits(path):
                yield _listed(root, path, packages)


def _listed(root: Path, path: Path, packages: dict[Path, bool]) -> Listed:
    folder = path.parent
    parts = [] if path.name == "__init__.py" else [path.stem]
    while folder != root and _is_package(folder, packages):
        parts.append(folder.name)
        folder = folder.parent
    if not parts:  # an `__init__.py` right in the root
        parts = [root.name]
    return Listed(
        path=path.relative_to(root).as_posix(),
        module=".".join(reversed(parts)),
        is_package=path.name == "__init__.py",
        size=path.stat().st_size,
    )


def _is_package(folder: Path, known: dict[Path, bool]) -> bool:
    if folder not in known:
        known[folder] = (folder / "__init__.py").is_file()
    return known[folder]


def _without_templates(root: Path, files: list[Listed]) -> Iterator[Listed]:
    """Leave out `modular_x.py` where a neighbour says that it was generated from it."""
    folders = {os.path.dirname(file.path) for file in files if _name(file).startswith("modular_")}
    sources: set[str] = set()
    for file in files:
        folder = os.path.dirname(file.path)
        if folder in folders and not _name(file).startswith("modular_"):
            with (root / file.path).open("rb") as stream:
                head = stream.read(_HEADER_BYTES).decode("utf-8", "replace")
            sources |= {f"{folder}/{word}" for word in _generated_from(head)}
    for file in files:
        if file.path.removeprefix("/") not in sources:
            yield file


def _generated_from(head: str) -> Iterator[str]:
    if "automatically generated from" not in head:
        return
    for word in head.split():
        name = word.rstrip(".").rpartition("/")[2]
        if name.startswith("modular_") and name.endswith(".py"):
            yield name


def _name(file: Listed) -> str:
    return file.path.rpartition("/")[2]
