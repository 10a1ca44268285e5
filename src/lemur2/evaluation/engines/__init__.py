"""Engines: where jobs run."""

from lemur2.evaluation.engines.base import Engine
from lemur2.evaluation.engines.local import LocalEngine
from lemur2.evaluation.engines.registry import (
    DEFAULT_ENGINE,
    engine_class,
    engine_classes,
    engine_names,
)

__all__ = [
    "DEFAULT_ENGINE",
    "Engine",
    "LocalEngine",
    "engine_class",
    "engine_classes",
    "engine_names",
]
