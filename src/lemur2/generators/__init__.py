"""Generators by name: the built-in ones, and those that installed packages bring.

A package brings one by an entry point in the group `lemur2.generators`, whose name is the
generator's and whose value is its class:

    [project.entry-points."lemur2.generators"]
    mine = "my_package:MyGenerator"
"""

from typing import Any

from lemur2.generators.fractal import FractalGenerator
from lemur2.generators.retrieval import RetrievalGenerator
from lemur2.generators.zoo import ZooGenerator
from lemur2.loop.generator import Generator
from lemur2.registry import Registry

__all__ = ["FractalGenerator", "RetrievalGenerator", "ZooGenerator", "generator_class", "generator_names"]

_GENERATORS: Registry[Generator[Any]] = Registry(
    "generator",
    Generator,  # type: ignore[type-abstract]
    "lemur2.generators",
    {each.name: each for each in (FractalGenerator, RetrievalGenerator, ZooGenerator)},
)


def generator_names() -> tuple[str, ...]:
    """The names of all generators. Loads none of the installed ones."""
    return _GENERATORS.names()


def generator_class(name: str) -> type[Generator[Any]]:
    """The generator of this name.

    Raises:
        UsageError: There is none; the message offers similar names.
        UserError: An installed package brings it, but it cannot be loaded.
    """
    return _GENERATORS.find(name)
