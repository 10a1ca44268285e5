"""The blocks that prompts show: of a folder, or of the block library for a need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lemur2.errors import UserError
from lemur2.evaluation.engines import Engine


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block as a prompt shows it."""

    name: str
    code: str


def files(folder: str) -> list[Path]:
    """The blocks in a folder, in the order of their names."""
    return sorted(Path(folder).glob("*.py"))


def of_folder(folder: str) -> list[Block]:
    """All blocks of a folder (`lemur2 blocks extract --out`)."""
    return [Block(name=f.stem, code=f.read_text("utf-8").rstrip()) for f in files(folder)]


def for_need(
    need: str, library: str, engine: Callable[[], Engine], *, count: int, tokens: int
) -> Sequence[Block]:
    """The library's best blocks for a need, the best first, with how to construct and call them.

    Args:
        need: In words.
        library: The library's file; "" for the usual one.
        engine: Gives the engine that blocks are tried on, where the usual one is to be made.
        count: At most so many.
        tokens: What they take together at most.

    Raises:
        UserError: There is no library, or nothing in it fits.
    """
    from lemur2.evaluation.library.starter import library_file
    from lemur2.retrieval.library.search import exemplar_text, exemplars
    from lemur2.retrieval.library.shelf import BlockLibrary

    path = library_file(library, engine)
    with BlockLibrary(path) as shelf:
        found = exemplars(shelf, need, count=count, tokens=tokens)
    if not found:
        raise UserError(
            f"no block of {path} fits {need!r} within {tokens} tokens; `lemur2 blocks search` "
            "shows what is there"
        )
    return [Block(name=each.class_name, code=exemplar_text(each).rstrip()) for each in found]
