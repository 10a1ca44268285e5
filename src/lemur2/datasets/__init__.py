"""Data sets by name: read once, split by seed, held as memory-mapped arrays."""

from lemur2.datasets.base import Dataset, DataSpec, Part, PreparedData, RawData

__all__ = ["DataSpec", "Dataset", "Part", "PreparedData", "RawData"]
