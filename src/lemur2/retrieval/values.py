"""The values that the components of block retrieval hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lemur2.errors import UserError

#: The categories of table 8, in the order of the table.
CATEGORIES = (
    "attention",
    "convolution",
    "transformer",
    "pooling",
    "normalisation",
    "loss",
    "architecture",
    "utility",
)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where sources come from.

    Attributes:
        name: Short name, unique in an index (`timm`, `pytorch-image-models`).
        spec: What was asked for (`dist:timm`, `https://...`, a path).
        version: A distribution's version or a repository's commit; "unknown" where neither is.
        licence: SPDX name or what the distribution says; "unknown" where none can be found.
        root: The folder that its paths are relative to.
        packages: Files and folders below `root` that belong to it; all of `root` where empty.
    """

    name: str
    spec: str
    version: str
    licence: str
    root: Path
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a signature, as it is written.

    Attributes:
        name: Without stars.
        annotation: Its text; None where there is none.
        default: The default's text; None where the parameter is required.
        kind: `positional`, `keyword`, `args` (`*args`) or `kwargs` (`**kwargs`).
    """

    name: str
    annotation: str | None
    default: str | None
    kind: str = "positional"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A class of an index that is a `torch.nn.Module` with a `forward`.

    Attributes:
        name: The class's name.
        qualified_name: Module and name (`timm.layers.drop.DropPath`).
        origin: Name of its origin.
        version: The origin's version or commit.
        licence: The origin's licence.
        module: Dotted name of the module that defines it.
        path: The file, relative to the origin's root.
        line: First line, decorators included, from 1.
        end_line: Last line.
        category: One of `CATEGORIES`.
        docstring: "" where it has none.
        bases: Qualified names of its direct bases.
        parameters: Of `__init__`, own or inherited, without `self`.
        forward_parameters: Of `forward`, own or inherited, without `self`.
    """

    name: str
    qualified_name: str
    origin: str
    version: str
    licence: str
    module: str
    path: str
    line: int
    end_line: int
    category: str
    docstring: str
    bases: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    forward_parameters: tuple[Parameter, ...]


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """A module that stands alone.

    Attributes:
        source: Its text; the target is the last definition.
        name: The name in the origin (`DropPath`).
        qualified_name: Module and name.
        origin: Name of the origin.
        version: Version or commit.
        licence: The origin's licence.
        class_name: What the target is called in `source`.
        definitions: Qualified names of all definitions that were taken, in their order.
        requires: Third-party packages that it imports when it is imported.
        annotations: A name that only annotates, and so is not defined, to what it stands for.
        notes: What a reader should know, one line each.
    """

    source: str
    name: str
    qualified_name: str
    origin: str
    version: str
    licence: str
    class_name: str
    definitions: tuple[str, ...]
    requires: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Unresolvable(UserError):
    """A block that cannot be closed.

    Attributes:
        name: The name that cannot be had.
        reason: Why; one line that groups with others of its kind.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} cannot be extracted: {reason}")
        self.name = name
        self.reason = reason
