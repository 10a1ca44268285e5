"""From files to a split on disk: written once, whole or not at all, and mapped by everyone."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np

from lemur2.datasets.base import Dataset, DataSpec, Part, PreparedData, RawData, Samples
from lemur2.datasets.registry import dataset_class
from lemur2.datasets.splits import Selection, split
from lemur2.errors import UserError

FORMAT = 1  # of the prepared folder; raise it when what is stored, or how it is split, changes
_CHUNK = 512  # samples in memory at once
_HASHED_WHOLE = 4 << 20  # bytes; larger source files are known by size and time of change


def data_root() -> Path:
    """Where data sets are looked for: `LEMUR2_DATA`, or ~/.local/share/lemur2/data."""
    return Path(os.environ.get("LEMUR2_DATA") or Path.home() / ".local/share/lemur2/data")


def cache_root() -> Path:
    """Where prepared data is kept: `LEMUR2_CACHE`, or ~/.cache/lemur2."""
    return Path(os.environ.get("LEMUR2_CACHE") or Path.home() / ".cache/lemur2")


def prepare(
    name: str,
    *,
    root: Path | None = None,
    cache: Path | None = None,
    seed: int = 0,
    download: bool = False,
) -> PreparedData:
    """The named data set, split by `seed` and on disk; prepared now if it is not yet.

    Safe to call from several processes at once: one prepares, the others wait for it. A killed
    preparation leaves nothing that is used later.

    Args:
        name: As `dataset_names` lists it.
        root: The data folder; `data_root()` by default.
        cache: The folder for prepared data; `cache_root()` by default.
        seed: Of the split, at least 0.
        download: Fetch what is missing where the network allows it.

    Raises:
        UsageError: There is no such data set.
        UserError: Its files are not there or damaged, or the cache cannot be written.
    """
    dataset = dataset_class(name)()
    root = root or data_root()
    folder = (cache or cache_root()) / "data"
    if not dataset.available(root):
        dataset.load(root, download=download)
    try:
        return _prepare(dataset, root, folder, seed)
    except OSError as error:
        raise UserError(
            f"data set {name!r} cannot be prepared in {folder} ({error.strerror or error}); "
            "set LEMUR2_CACHE to a folder with room that can be written"
        ) from error


def _prepare(dataset: Dataset, root: Path, folder: Path, seed: int) -> PreparedData:
    label = f"{dataset.name}-{_key(dataset, root, seed)}"
    target = folder / label
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{label}.lock"):
            if not target.is_dir():
                _write(dataset, root, seed, folder / f".{label}.unfinished", target)
    return open_prepared(target)


def open_prepared(folder: Path) -> PreparedData:
    """Data that `prepare` wrote.

    Raises:
        UserError: There is none, or it is damaged.
    """
    try:
        stored = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        lists = ("sample_shape", "outputs", "mean", "std", "classes")
        stored.update({key: tuple(stored[key]) for key in lists})
        return PreparedData(DataSpec(**stored), folder)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{folder} holds no prepared data ({error}); delete it") from error


def _key(dataset: Dataset, root: Path, seed: int) -> str:
    """Hex digest of all that the prepared folder's content depends on."""
    digest = hashlib.sha256(f"{dataset.name}\n{seed}\n{FORMAT}\n".encode())
    for file in dataset.files(root):
        digest.update(f"{file.name}\n{_identity(file)}\n".encode())
    return digest.hexdigest()[:16]


def _identity(file: Path) -> str:
    stat = file.stat()
    if stat.st_size <= _HASHED_WHOLE:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{stat.st_size} {stat.st_mtime_ns}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock; the system releases it when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(dataset: Dataset, root: Path, seed: int, scratch: Path, target: Path) -> None:
    """Write into `scratch`, then rename. Under the lock: a scratch folder is a dead process's."""
    if scratch.exists():
        shutil.rmtree(scratch)
    raw = dataset.load(root, download=False)
    _check_classes(dataset.name, raw)
    for name, mode in (("open", 0o755), ("held", 0o700), ("sealed", 0o700)):
        (scratch / name).mkdir(parents=True, mode=mode)
    spec = _write_parts(dataset, raw, split(raw, seed), scratch)
    with (scratch / "spec.json").open("w", encoding="utf-8") as file:
        json.dump(asdict(spec), file, indent=1)
        _to_disk(file.fileno())
    scratch.rename(target)


def _write_parts(
    dataset: Dataset, raw: RawData, parts: dict[Part, Selection], scratch: Path
) -> DataSpec:
    samples = raw.train[0]
    statistics = ChannelStatistics(samples.shape[1]) if len(samples.shape) == 4 else None
    draft = PreparedData(cast("DataSpec", None), scratch)
    for part, (inputs, targets, chosen) in parts.items():
        chunks = _chunks(inputs, chosen)
        if part == "train" and statistics:
            chunks = statistics.watch(chunks)
        shape = (len(chosen), *inputs.shape[1:])
        _write_array(draft.inputs_path(part), shape, inputs.dtype, chunks)
        _write_array(
            draft.targets_path(part),
            (len(chosen), *targets.shape[1:]),
            targets.dtype,
            [targets[chosen]],
        )
    mean, std = statistics.result() if statistics else ((), ())
    return DataSpec(
        name=dataset.name,
        task=dataset.task,
        sample_shape=tuple(samples.shape[1:]),
        outputs=(len(raw.classes),),
        mean=mean,
        std=std,
        sizes={part: len(chosen) for part, (_, _, chosen) in parts.items()},
        classes=raw.classes,
    )


def _check_classes(name: str, raw: RawData) -> None:
    """Every class has training samples, and nothing else does: so the count is the data's own."""
    targets = raw.train[1]
    if targets.ndim != 1:
        return  # a target per position; what the classes are is the task's matter
    strange = set(np.unique(targets).tolist()) ^ set(range(len(raw.classes)))
    if strange:
        raise UserError(
            f"data set {name!r} names {len(raw.classes)} classes, but its training labels differ "
            f"(class {min(strange)}); the files are incomplete: fetch them again"
        )


def _chunks(inputs: Samples, chosen: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(chosen), _CHUNK):
        yield inputs[chosen[start : start + _CHUNK]]


def _write_array(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, chunks: Iterable[np.ndarray]
) -> None:
    """Write a `.npy` file piece by piece.

    Plain writes, not a writable memory map: a full disk is then an error, not a SIGBUS.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk).data)
        file.flush()
        _to_disk(file.fileno())


def _to_disk(descriptor: int) -> None:
    os.fsync(descriptor)


class ChannelStatistics:
    """Exact mean and standard deviation per channel of uint8 images (N, C, H, W) in [0, 1]."""

    def __init__(self, channels: int) -> None:
        self._counts = np.zeros((channels, 256), dtype=np.int64)

    def watch(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass batches through, counting them."""
        for batch in batches:
            for counts, values in zip(self._counts, batch.swapaxes(0, 1), strict=True):
                counts += np.bincount(values.reshape(-1), minlength=256)
            yield batch

    def result(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Means and standard deviations (of the population)."""
        levels = np.arange(256) / 255
        total = self._counts.sum(axis=1)
        mean = self._counts @ levels / total
        variance = self._counts @ levels**2 / total - mean**2
        return tuple(mean.tolist()), tuple(np.sqrt(np.maximum(variance, 0)).tolist())
