"""Generators by name: the built-in ones, and those that installed packages bring.

A package brings one by an entry point in the group `lemur2.generators`, whose name is the
generator's and whose value is its class:

    [project.entry-points."lemur2.generators"]
    mine = "my_package:MyGenerator"
"""

from typing import Any

from lemur2.loop.generator import Generator
from lemur2.registry import Registry

__all__ = ["generator_class", "generator_classes", "generator_names"]

# Read when they are asked for: some bring libraries that take a second to import.
_BUILTIN = {
    "experts": "lemur2.generators.experts:ExpertsGenerator",
    "fewshot": "lemur2.generators.fewshot:FewShotGenerator",
    "fractal": "lemur2.generators.fractal:FractalGenerator",
    "genetic": "lemur2.generators.genetic:GeneticGenerator",
    "mutation": "lemur2.generators.mutation:MutationGenerator",
    "prompted": "lemur2.generators.prompted:PromptedGenerator",
    "transforms": "lemur2.generators.transforms:TransformsGenerator",
    "retrieval": "lemur2.generators.retrieval:RetrievalGenerator",
    "zoo": "lemur2.generators.zoo:ZooGenerator",
}

_GENERATORS: Registry[Generator[Any]] = Registry(
    "generator",
    Generator,  # type: ignore[type-abstract]
    "lemur2.generators",
    _BUILTIN,
)


def generator_names() -> tuple[str, ...]:
    """The names of all generators. Loads none of them."""
    return _GENERATORS.names()


def generator_classes() -> dict[str, type[Generator[Any]]]:
    """All generators by name; a warning for each that cannot be loaded."""
    return _GENERATORS.classes()


def generator_class(name: str) -> type[Generator[Any]]:
    """The generator of this name.

    Raises:
        UsageError: There is none; the message offers similar names.
        UserError: It cannot be loaded: a package that it needs is missing, or broken.
    """
    return _GENERATORS.find(name)
