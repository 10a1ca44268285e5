"""What the name of an imported network tells: family, prefix, parent."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from lemur2.architecture import family as family_of
from lemur2.architecture import prefix as prefix_of


@dataclass(frozen=True)
class Told:
    """What a name tells.

    Attributes:
        family: What networks made in the same way have in common: `ast-dimension`.
        prefix: All that stands before the md5, UUID or counter; None where there is none of them.
        parent: The network that it was made from, where the name has it.
    """

    family: str
    prefix: str | None
    parent: str | None


def read_name(name: str, networks: Container[str]) -> Told:
    """Read a name. `networks` are the names that a parent may have.

    `ast-dimension-AlexNet-<md5>` is of the family `ast-dimension` and made from AlexNet, because
    there is a network of that name. `AlexNet-<UUID>` is a variant of AlexNet, of its family.
    """
    prefix = prefix_of(name)
    family, _, parent = (prefix or "").rpartition("-")
    if prefix and family and parent in networks:
        return Told(family, prefix, parent)
    return Told(family_of(name), prefix, None)


def split_folder(folder: str, parts: int, networks: Container[str]) -> tuple[str, ...] | None:
    """The folder's `parts`, separated by `_`, the last one a network's name; None if it has fewer.

    The last part may hold `_`. Where that names no network, another part may hold it: the first
    division whose last part does name one is taken.
    """
    pieces = folder.split("_")
    if len(pieces) < parts or not all((pieces[0], pieces[-1])):
        return None
    for start in range(parts - 1, len(pieces)):
        name = "_".join(pieces[start:])
        if name in networks:
            head = (*pieces[: parts - 2], "_".join(pieces[parts - 2 : start]))
            return (*head, name)
    return (*pieces[: parts - 1], "_".join(pieces[parts - 1 :]))
