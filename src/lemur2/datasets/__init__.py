"""Data sets by name: read once, split by seed, held as memory-mapped arrays. Imports no torch."""

from lemur2.datasets.base import Dataset, DataSpec, PreparedData
from lemur2.datasets.prepare import open_prepared, prepare, resolve
from lemur2.datasets.raw import Part, RawData, Samples
from lemur2.datasets.registry import (
    dataset,
    dataset_class,
    dataset_classes,
    dataset_names,
    lasting_name,
    recorded_name,
)
from lemur2.datasets.root import data_root

__all__ = [
    "DataSpec",
    "Dataset",
    "Part",
    "PreparedData",
    "RawData",
    "Samples",
    "data_root",
    "dataset",
    "dataset_class",
    "dataset_classes",
    "dataset_names",
    "lasting_name",
    "open_prepared",
    "prepare",
    "recorded_name",
    "resolve",
]
