"""The zoo: hand-written seed networks, plain Net files that ship with the package as data.

They lie in a folder per task; the name of a network is that of its file.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from lemur2.errors import UsageError
from lemur2.suggestions import did_you_mean


def zoo_names(task: str | None = None) -> list[str]:
    """The names of the seed networks of a task (by default of all), sorted."""
    return sorted(_stem(file) for file in _files(task))


def zoo_source(name: str) -> str:
    """The source of a seed network.

    Raises:
        UsageError: There is none of this name; the message offers similar ones.
    """
    for file in _files():
        if _stem(file) == name:
            return file.read_text("utf-8")
    names = zoo_names()
    hint = did_you_mean(name, names, f"there are {', '.join(names)}")
    raise UsageError(f"the zoo has no network named {name!r}; {hint}")


def zoo_parameters(name: str) -> int | None:
    """How many parameters a seed network of images has at 3x64x64 and 10 classes; else None."""
    return _parameters().get(name)


@cache
def _parameters() -> dict[str, int]:
    return json.loads(files("lemur2").joinpath("zoo", "parameters.json").read_text("utf-8"))


def _files(task: str | None = None) -> Iterator[Traversable]:
    for folder in files("lemur2").joinpath("zoo").iterdir():
        if folder.is_dir() and task in (None, folder.name):
            yield from (file for file in folder.iterdir() if file.name.endswith(".py"))


def _stem(file: Traversable) -> str:
    return file.name.removesuffix(".py")
