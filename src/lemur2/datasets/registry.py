"""Data sets by name: ours, and third parties' by the entry-point group `lemur2.datasets`."""

from __future__ import annotations

from lemur2.datasets.arrays import Cifar10, Cifar100, Svhn
from lemur2.datasets.base import Dataset
from lemur2.datasets.bundled import Digits, Mnist5k
from lemur2.datasets.idx import FashionMnist, Mnist
from lemur2.datasets.images import CelebaGender, Imagenette, Places365
from lemur2.datasets.text import PythonReference, TextFile
from lemur2.registry import Registry

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
    PythonReference,
    TextFile,
)

_DATASETS: Registry[Dataset] = Registry(
    "data set",
    Dataset,  # type: ignore[type-abstract]
    "lemur2.datasets",
    {each.name: each for each in BUILTIN if not each.prefix},
    alias=True,
)


def dataset_names() -> tuple[str, ...]:
    """Names of all registered data sets, whether their files are there or not.

    Classes that stand for many data sets (`text:<stem>`) are not among them.
    """
    return _DATASETS.names()


def dataset_classes() -> dict[str, type[Dataset]]:
    """The classes of `dataset_names`; a warning for each that cannot be loaded."""
    return _DATASETS.classes()


def dataset_class(name: str) -> type[Dataset]:
    """The class registered under a name.

    Raises:
        UsageError: There is none; the message names the closest ones.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    for each in BUILTIN:
        if each.prefix and name.startswith(each.prefix):
            return each
    return _DATASETS.find(name)


def dataset(name: str) -> Dataset:
    """The data set of that name. Raises as `dataset_class` does."""
    found = dataset_class(name)
    return found(name) if found.prefix else found()  # type: ignore[call-arg]
