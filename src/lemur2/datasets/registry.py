"""Data sets by name: ours, and third parties' through the entry points `lemur2.datasets`."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points

from lemur2.datasets.arrays import Cifar10, Cifar100, Svhn
from lemur2.datasets.base import Dataset
from lemur2.datasets.bundled import Digits, Mnist5k
from lemur2.datasets.idx import FashionMnist, Mnist
from lemur2.datasets.images import CelebaGender, Imagenette, Places365
from lemur2.errors import UsageError, UserError

BUILTIN: tuple[type[Dataset], ...] = (
    Digits,
    Mnist5k,
    FashionMnist,
    Mnist,
    Cifar10,
    Cifar100,
    Svhn,
    Imagenette,
    CelebaGender,
    Places365,
)


@cache
def _registered() -> dict[str, type[Dataset]]:
    found = {each.name: each for each in BUILTIN}
    for point in entry_points(group="lemur2.datasets"):
        each = point.load()
        if not (isinstance(each, type) and issubclass(each, Dataset)):
            raise UserError(
                f"entry point {point.name!r} of group lemur2.datasets ({point.value}) is not a "
                "Dataset class; fix or uninstall the package that declares it"
            )
        found.setdefault(each.name, each)
    return found


def dataset_names() -> tuple[str, ...]:
    """Names of all registered data sets, whether their files are there or not."""
    return tuple(_registered())


def dataset_class(name: str) -> type[Dataset]:
    """The class registered under a name.

    Raises:
        UsageError: There is none; the message names the closest ones.
    """
    found = _registered()
    if name not in found:
        close = get_close_matches(name, found, n=3) or list(found)
        raise UsageError(f"unknown data set {name!r}; there are: {', '.join(close)}")
    return found[name]
