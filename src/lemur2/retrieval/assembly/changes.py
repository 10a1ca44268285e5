"""What becomes of imports inside functions: the rewriter's orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LocalChange:
    """What becomes of an import inside a function.

    Attributes:
        bound: The name that it binds.
        name: What that is called in the result; None where a module of the origin is imported.
        chains: For such a module: its attributes to their names in the result.
        renamed: For an import of another package, which stays: what it binds in the result.
        missing: Whether it cannot be imported: the import becomes an ImportError, as it would.
    """

    bound: str
    name: str | None = None
    chains: Mapping[str, str] = field(default_factory=dict)
    renamed: str | None = None
    missing: bool = False


#: An import of one name as it is written: module with its dots, name (None for `import module`).
ImportText = tuple[str, str | None, str]
