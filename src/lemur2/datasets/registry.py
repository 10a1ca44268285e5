"""Data sets by name: ours, and third parties' by the entry-point group `lemur2.datasets`."""

from __future__ import annotations

from pathlib import Path

from lemur2.datasets import remembered
from lemur2.datasets.arrays import Cifar10, Cifar100, Svhn
from lemur2.datasets.base import Dataset
from lemur2.datasets.bundled import Digits, Mnist5k
from lemur2.datasets.idx import FashionMnist, Mnist
from lemur2.datasets.images import CelebaGender, Imagenette, Places365
from lemur2.datasets.own import OWN, Choices, OwnPictures
from lemur2.datasets.text import PythonReference, TextFile
from lemur2.errors import UsageError
from lemur2.registry import Registry
from lemur2.suggestions import did_you_mean

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
    *OWN,
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
    """The class registered under a name, or that which reads what the name stands for.

    Raises:
        UsageError: There is none; the message names the closest ones.
        UserError: An installed package announces it, but it cannot be loaded.
    """
    if name in dataset_names():
        return _DATASETS.find(name)
    entry = remembered.find(name)
    return _by_prefix(name if entry is None else entry.source)


def _by_prefix(name: str) -> type[Dataset]:
    kinds = {each.prefix: each for each in BUILTIN if each.prefix}
    prefix, colon, _ = name.partition(":")
    found = kinds.get(prefix + colon)
    if found is not None:
        return found
    if colon and "/" not in prefix:
        hint = did_you_mean(prefix + colon, kinds, f"there are {', '.join(kinds)}")
        raise UsageError(f"unknown kind of data set {prefix + colon!r}; {hint}")
    if (path := Path(name)).exists():
        raise UsageError(f"{name!r} is no data set's name; say {_kind_of(path)}{name}")
    return _DATASETS.find(name, also=remembered.entries())


def _kind_of(path: Path) -> str:
    """How a path that was given without a kind may be meant."""
    suffixes = {".tsv": "csv:", ".csv": "csv:", ".parquet": "parquet:", ".npz": "npz:"}
    return "folder:" if path.is_dir() else suffixes.get(path.suffix, "folder:, csv:, ... before ")


def dataset(name: str) -> Dataset:
    """The data set of that name. Raises as `dataset_class` does."""
    found = dataset_class(name)
    entry = None if name in dataset_names() else remembered.find(name)
    if entry is not None and issubclass(found, OwnPictures):
        choices = Choices(entry.side, entry.picture, entry.label)
        return found(entry.source, name=name, choices=choices)
    return found(name) if found.prefix else found()  # type: ignore[call-arg]


def own_pictures(source: str, *, name: str, choices: Choices) -> OwnPictures:
    """A person's own pictures under a name that may not be remembered yet.

    Raises:
        UsageError: The source is of no kind that there is.
    """
    kind = _by_prefix(source)
    if not issubclass(kind, OwnPictures):
        kinds = ", ".join(each.prefix + each.form for each in OWN)
        raise UsageError(f"{source!r} is no source of pictures; there are {kinds}")
    return kind(source, name=name, choices=choices)


def recorded_name(name: str) -> str:
    """The name that a corpus records a data set by: a path's short one, others as they are."""
    if any(name.startswith(each.prefix) for each in OWN):
        return dataset(name).name
    return name


def lasting_name(name: str) -> str:
    """The name that stays good in another folder: a path is remembered under a short name.

    That name is what a corpus records. Other names are returned as they are.

    Raises:
        UsageError: There is no such data set.
        UserError: The list of remembered ones cannot be read or written.
    """
    found = dataset(name)
    if not isinstance(found, OwnPictures) or found.name == name:
        return name
    remembered.remember(found.name, remembered.Entry(found.source_name, given=False))
    return found.name
