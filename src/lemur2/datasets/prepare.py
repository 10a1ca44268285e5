"""From files to a split on disk: written once, whole or not at all, and mapped by everyone."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import numpy as np

from lemur2.cache import cache_root
from lemur2.datasets.base import (
    Dataset,
    DataSpec,
    PreparedData,
    facts_path,
    inputs_path,
    targets_path,
)
from lemur2.datasets.raw import Part, RawData, Samples
from lemur2.datasets.registry import dataset
from lemur2.datasets.root import data_root
from lemur2.errors import UserError
from lemur2.paths import inside
from lemur2.watching import Watcher, watch

FORMAT = 2  # of the prepared folder; raise it when what is stored, or how it is split, changes
Parts = Mapping[Part, tuple[Samples, np.ndarray]]
_CHUNK = 512  # samples in memory at once


def prepare(
    name: str,
    *,
    root: Path | None = None,
    cache: Path | None = None,
    seed: int = 0,
    download: bool = False,
    progress: Watcher | None = None,
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
        progress: Told how far the reading is.

    Raises:
        UsageError: There is no such data set.
        UserError: Its files are not there or damaged, or the cache cannot be written.
    """
    with watch(progress):
        return _prepared(dataset(name), root, cache, seed, download)


def _prepared(
    found: Dataset, root: Path | None, cache: Path | None, seed: int, download: bool
) -> PreparedData:
    root = root or data_root()
    folder = (cache or cache_root()) / "data"
    if not found.available(root):
        found.load(root, download=download)  # fetches, or says what is missing
    target = inside(folder, f"{found.name.replace(':', '-')}-{_key(found, root, seed)}")
    if not target.is_dir():
        _prepare(found, root, seed, target)
    return open_prepared(target)


def _prepare(dataset: Dataset, root: Path, seed: int, target: Path) -> None:
    raw = dataset.load(root, download=False)
    parts = dataset.split(raw, seed)
    empty = [part for part, (_, targets) in parts.items() if not len(targets)]
    if empty:
        raise UserError(f"data set {dataset.name!r} has too few samples for a {empty[0]} part")
    _check_classes(dataset.name, parts["train"][1], raw.classes)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(f".{target.name}.lock")):
            if not target.is_dir():
                scratch = target.with_name(f".{target.name}.unfinished")
                _write(dataset, parts, raw, scratch)
                scratch.rename(target)
    except OSError as error:
        raise UserError(
            f"data set {dataset.name!r} cannot be prepared in {target.parent} "
            f"({error.strerror or error}); set LEMUR2_CACHE to a folder that can be written"
        ) from error


_resolved: dict[str, PreparedData] = {}  # by digest: what this process prepared or found


def resolve(spec: DataSpec) -> PreparedData:
    """The prepared data that a spec is of, on this machine; prepared now where it is not there.

    Raises:
        UserError: It cannot be had here, or the data set of that name is another one here.
    """
    found = _resolved.get(spec.digest)
    if found is None:
        found = prepare(spec.name)
        if found.spec.digest != spec.digest:
            raise UserError(
                f"data set {spec.name!r} is not the same on this machine: its content is "
                f"{found.spec.digest[:12]}, not {spec.digest[:12]}; copy the files that the run "
                "was started with"
            )
    return found


def open_prepared(folder: Path) -> PreparedData:
    """Data that `prepare` wrote.

    Raises:
        UserError: There is none, or it is damaged.
    """
    try:
        stored = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        lists = ("sample_shape", "outputs", "mean", "std", "classes")
        stored.update({key: tuple(stored[key]) for key in lists})
        prepared = PreparedData(DataSpec(**stored), folder)
        prepared.check()
        _resolved[prepared.spec.digest] = prepared
    except (OSError, EOFError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{folder} holds no prepared data ({error}); delete it, then it is prepared again"
        ) from error
    return prepared


def _key(dataset: Dataset, root: Path, seed: int) -> str:
    """Hex digest of all that the prepared folder's content depends on."""
    digest = hashlib.sha256(f"{dataset.name}\n{seed}\n{FORMAT}\n".encode())
    digest.update(dataset.state(root))
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock; the system releases it when its holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(dataset: Dataset, parts: Parts, raw: RawData, scratch: Path) -> None:
    """Write everything into `scratch`; one that is there already is a dead process's."""
    if scratch.exists():
        shutil.rmtree(scratch)
    for name, mode in (("open", 0o755), ("held", 0o700), ("sealed", 0o700)):
        (scratch / name).mkdir(parents=True, mode=mode)
    samples = parts["train"][0]
    statistics = ChannelStatistics(samples.shape[1]) if len(samples.shape) == 4 else None
    digest = hashlib.sha256()
    mean, std = _write_parts(parts, statistics, scratch, digest)
    spec = DataSpec(
        name=dataset.name,
        task=dataset.task,
        sample_shape=tuple(samples.shape[1:]),
        outputs=(len(raw.classes),),
        mean=mean,
        std=std,
        sizes={part: len(targets) for part, (_, targets) in parts.items()},
        classes=raw.classes,
        digest=digest.hexdigest(),
    )
    if raw.facts:
        _write_json(facts_path(scratch), raw.facts)
    _write_json(scratch / "spec.json", asdict(spec))


def _write_json(path: Path, values: Mapping[str, object]) -> None:
    with path.open("w", encoding="ascii") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _write_parts(
    parts: Parts, statistics: ChannelStatistics | None, scratch: Path, digest: Digest
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    for part, (inputs, targets) in parts.items():
        chunks = _chunks(inputs)
        if part == "train" and statistics:
            chunks = statistics.watch(chunks)
        _write_array(inputs_path(scratch, part), inputs.shape, inputs.dtype, chunks, digest)
        _write_array(targets_path(scratch, part), targets.shape, targets.dtype, [targets], digest)
    return statistics.result() if statistics else ((), ())


def _check_classes(name: str, targets: np.ndarray, classes: tuple[str, ...]) -> None:
    """Every class has training samples, and nothing else does: so the count is the data's own."""
    if targets.ndim != 1:
        return  # a target for every position; which classes occur is the text's matter
    strange = set(np.unique(targets).tolist()) ^ set(range(len(classes)))
    if strange:
        raise UserError(
            f"data set {name!r} names {len(classes)} classes, but its training labels differ "
            f"(class {min(strange)}); the files are incomplete: fetch them again"
        )


def _chunks(inputs: Samples) -> Iterator[np.ndarray]:
    count = inputs.shape[0]
    for start in range(0, count, _CHUNK):
        yield inputs[np.arange(start, min(start + _CHUNK, count))]


def _write_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype,
    chunks: Iterable[np.ndarray],
    digest: Digest,
) -> None:
    """Write a `.npy` file piece by piece, and put it into the digest of all.

    Plain writes, not a writable memory map: a full disk is then an error, not a SIGBUS.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    digest.update(repr((path.name, header)).encode())
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            data = np.ascontiguousarray(chunk).data
            file.write(data)
            digest.update(data)
        file.flush()
        os.fsync(file.fileno())


class Digest(Protocol):
    """What takes bytes, as the hashes of `hashlib` do."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take some more."""


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
        """Means and standard deviations (of the population).

        A channel that never changes has 1 for the latter: pixels are divided by it.
        """
        levels = np.arange(256) / 255
        total = self._counts.sum(axis=1)
        mean = self._counts @ levels / total
        variance = self._counts @ levels**2 / total - mean**2
        several = (self._counts > 0).sum(axis=1) > 1
        std = np.where(several, np.sqrt(np.maximum(variance, 0)), 1.0)
        return tuple(mean.tolist()), tuple(std.tolist())
