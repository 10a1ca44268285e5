"""Engines by name: ours, and third parties' by the entry-point group `lemur2.engines`."""

from __future__ import annotations

from lemur2.evaluation.engines.base import Engine
from lemur2.evaluation.engines.local import LocalEngine
from lemur2.registry import Registry

DEFAULT_ENGINE = LocalEngine.name

_ENGINES: Registry[Engine] = Registry(
    "engine",
    Engine,  # type: ignore[type-abstract]
    "lemur2.engines",
    {LocalEngine.name: LocalEngine},
)


def engine_names() -> tuple[str, ...]:
    """Names of all known engines."""
    return _ENGINES.names()


def engine_classes() -> dict[str, type[Engine]]:
    """All engines by name; a warning for each that cannot be loaded."""
    return _ENGINES.classes()


def engine_class(name: str) -> type[Engine]:
    """The engine of that name.

    Raises:
        UsageError: There is none; the message gives the names that come close.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    return _ENGINES.find(name)
