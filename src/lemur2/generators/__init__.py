"""Generators by name: the built-in ones, and those that installed packages bring.

A package brings one by an entry point in the group `lemur2.generators`, whose name is the
generator's and whose value is its class:

    [project.entry-points."lemur2.generators"]
    mine = "my_package:MyGenerator"
"""

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

from lemur2.errors import UsageError, UserError
from lemur2.generators.fractal import FractalGenerator
from lemur2.loop.generator import Generator

ENTRY_POINTS = "lemur2.generators"

_BUILT_IN: dict[str, type[Generator]] = {cls.name: cls for cls in (FractalGenerator,)}

__all__ = ["ENTRY_POINTS", "FractalGenerator", "generator_class", "generator_names"]


def generator_names() -> list[str]:
    """The names of all generators, sorted. Loads none of the installed ones."""
    return sorted({*_BUILT_IN, *_installed()})


def generator_class(name: str) -> type[Generator]:
    """The generator of this name.

    Raises:
        UsageError: There is none; the message offers similar names.
        UserError: An installed package brings it, but it cannot be loaded, is no generator, or
            has the name of a built-in one.
    """
    installed = _installed()
    if name in _BUILT_IN:
        if name in installed:
            raise UserError(
                f"{_origin(installed[name])} brings a generator named {name!r}, which is built in;"
                " rename its entry point"
            )
        return _BUILT_IN[name]
    if name in installed:
        return _load(installed[name])
    names = generator_names()
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(names)}"
    raise UsageError(f"there is no generator named {name!r}; {hint}")


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _load(point: EntryPoint) -> type[Generator]:
    try:
        found = point.load()
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"generator {point.name!r} of {_origin(point)} cannot be loaded: {error};"
            " reinstall the package or remove it"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Generator)):
        raise UserError(
            f"{point.value} of {_origin(point)} is no generator; it must subclass"
            " lemur2.loop.generator.Generator"
        )
    return found


def _origin(point: EntryPoint) -> str:
    return f"package {point.dist.name}" if point.dist else point.value
