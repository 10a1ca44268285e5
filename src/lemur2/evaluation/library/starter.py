"""A library to start with: some of torchvision's blocks, made where there is no library yet."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from lemur2.errors import UserError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.library.building import LibraryBuilder
from lemur2.evaluation.library.validator import BlockValidator
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.places import library_path
from lemur2.retrieval.sources.cache import RepoCache
from lemur2.retrieval.values import Block

_MODULES = ("torchvision.models.", "torchvision.ops.")
_LEFT_OUT = ("quantization", "detection", "optical_flow", "segmentation", "video", "loss")


def library_file(named: str, engine: Callable[[], Engine]) -> Path:
    """The library of this name, or where none is named ("") the default one. Raises UserError."""
    return Path(named) if named else default_library(library_path(), engine)


def default_library(usual: Path, engine: Callable[[], Engine]) -> Path:
    """The library to use where none was named.

    Args:
        usual: Where `lemur2 blocks extract` keeps its library.
        engine: Gives the entered engine that blocks are tried on, where a library is to be made.

    Returns:
        `usual` where that is there; else the starting library beside it, of the building blocks
        of the installed torchvision, which is made in some ten seconds where it is not there yet.

    Raises:
        UserError: torchvision or libcst is not installed, or candidates cannot be isolated.
    """
    if usual.is_file():
        return usual
    try:
        version = metadata.version("torchvision")
        metadata.version("libcst")
    except metadata.PackageNotFoundError as error:
        raise UserError(
            f"there is no block library at {usual}, and none can be made without {error.name}; "
            "run: pip install 'lemur2[train,blocks]'"
        ) from error
    path = usual.with_name(f"starter-torchvision-{version}.db")
    if not path.is_file():
        _make(path, engine())
    return path


def _make(path: Path, engine: Engine) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / "library.db"
        store = FileIndexStore(Path(folder) / "index.db")
        try:
            store.update(RepoCache(Path(folder)).add("dist:torchvision"))
            blocks = [b for b in BlockDiscovery(store).blocks() if _wanted(b)]
            with BlockLibrary(made, create=True) as library:
                for _ in LibraryBuilder(store, BlockValidator(engine), library).build(blocks):
                    pass
                library.settle()
        finally:
            store.close()
        os.replace(made, path)


def _wanted(block: Block) -> bool:
    return block.module.startswith(_MODULES) and not any(p in block.module for p in _LEFT_OUT)
