"""The field's own layout, which its package reads; see `importing.layout`."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lemur2.architecture import Verdict
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    benchmarks,
    device_runs,
    environments,
    epochs,
    sources,
    transforms,
    trials,
)
from lemur2.corpus.exporting.folder import new_folder
from lemur2.corpus.progress import Progress
from lemur2.corpus.store import Corpus
from lemur2.metrics import loss
from lemur2.paths import NoFileName, inside

_SHOWN = 100  # folders between two lines of progress
_ROWS = 20_000


def export_field(corpus: Corpus, target: Path, progress: Progress) -> dict[str, int]:
    """Write `target`/nn, transform, stat/train and stat/run.

    What the layout has no place for stays behind: failed and unfinished trials, seeds, losses,
    verdicts, runs. What is left out of the rest is counted.

    Returns:
        How many networks, transforms, folders, epochs, device runs; and `left out: <what>`.

    Raises:
        UserError: `target` is there already or cannot be written.
    """
    with new_folder(target) as folder, corpus.database.read() as connection:
        return _Export(connection, folder, progress).run()


class _Export:
    def __init__(self, connection: Connection, folder: Path, progress: Progress) -> None:
        self.connection = connection
        self.folder = folder
        self.progress = progress
        self.counts: Counter[str] = Counter()
        self.names: dict[int, str] = {}

    def run(self) -> dict[str, int]:
        """Everything."""
        self._networks()
        self._transforms()
        self._trials()
        self._devices()
        return dict(self.counts)

    def _networks(self) -> None:
        folder = self._made("nn")
        columns = architectures.c
        own = set(
            self.connection.scalars(sa.select(columns.name).where(columns.legacy_name.is_(None)))
        )
        query = sa.select(columns.id, columns.name, columns.legacy_name, sources.c.text).join(
            sources, sources.c.id == columns.source_id
        )
        for key, name, legacy_name, text in self._stream(query):
            known_as = name if legacy_name is None or legacy_name in own else legacy_name
            path = self._path(folder, known_as, ".py", "networks")
            if path is None:
                continue
            self.names[key] = known_as
            path.write_bytes(text)
            self.counts["networks"] += 1

    def _transforms(self) -> None:
        folder = self._made("transform")
        query = (
            sa.select(transforms.c.name, sources.c.text)
            .join(sources, sources.c.id == transforms.c.source_id)
            .order_by(transforms.c.id)
        )
        for name, text in self._stream(query):
            if not text:
                continue  # named by a trial, but never seen
            path = self._path(folder, name, ".py", "transforms")
            if path is None:
                continue
            if path.exists():
                self.counts["left out: transforms of the same name with another text"] += 1
                continue
            path.write_bytes(text)
            self.counts["transforms"] += 1

    def _trials(self) -> None:
        done = trials.c.verdict == Verdict.OK.value
        query = (
            sa.select(
                trials,
                benchmarks.c.task,
                benchmarks.c.dataset,
                benchmarks.c.metric,
                transforms.c.name.label("transform"),
                epochs.c.epoch,
                epochs.c.score,
                epochs.c.seconds,
                epochs.c.elapsed,
            )
            .join(benchmarks, benchmarks.c.id == trials.c.benchmark_id)
            .join(transforms, transforms.c.id == trials.c.transform_id)
            .join(epochs, epochs.c.trial_id == trials.c.id)
            .where(done)
            .order_by(trials.c.benchmark_id, trials.c.architecture_id, trials.c.id, epochs.c.epoch)
        )
        failed = (
            sa.select(sa.func.count()).select_from(trials).where(~done | trials.c.verdict.is_(None))
        )
        self.counts["left out: trials that failed"] += self.connection.scalar(failed) or 0
        base = self._made("stat/train")
        rows = self.connection.execute(query.execution_options(yield_per=_ROWS)).mappings()
        folders = itertools.groupby(
            rows, key=lambda row: (row["benchmark_id"], row["architecture_id"])
        )
        for done_so_far, ((_, network), found) in enumerate(folders):
            if done_so_far % _SHOWN == 0:
                self.progress("folders of trials", done_so_far, 0)
            if network in self.names:
                self._folder(base, self.names[network], found)
        self.counts += Counter()  # drops zeros

    def _folder(self, base: Path, network: str, rows: Iterator[RowMapping]) -> None:
        files: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        parts: list[str] = []
        for _, found in itertools.groupby(rows, key=lambda row: row["id"]):
            of_trial = list(found)
            parts = [of_trial[0][name] for name in ("task", "dataset", "metric")]
            for row, record in zip(of_trial, _records(of_trial), strict=True):
                files[row["epoch"]].append(record)
        folder = self._path(base, "_".join((*parts, network)), "", "folders of trials")
        if folder is None:
            return
        folder.mkdir()
        for epoch, records in files.items():
            records.sort(key=lambda record: loss(record["accuracy"], parts[2]))
            _write_json(inside(folder, str(epoch), ".json"), records, indent=4, sort_keys=True)
            self.counts["files of trials"] += 1
            self.counts["epochs"] += len(records)
        self.counts["folders of trials"] += 1

    def _devices(self) -> None:
        base = self._made("stat/run")
        query = sa.select(device_runs, environments.c.content).join(
            environments, environments.c.id == device_runs.c.environment_id
        )
        for row in self.connection.execute(query).mappings():
            name = self.names.get(row["architecture_id"])
            if name is None:
                continue
            folder = self._path(base, f"{row['task']}_{name}", "", "device runs")
            path = folder and self._path(folder, row["device"], ".json", "device runs")
            if folder is None or path is None:
                continue
            folder.mkdir(exist_ok=True)
            _write_json(path, _device_run(row, name), indent=2)
            self.counts["device runs"] += 1

    def _path(self, folder: Path, name: str, suffix: str, what: str) -> Path | None:
        """Where something goes; None, and counted, where its name is no file's."""
        try:
            return inside(folder, name, suffix)
        except NoFileName:
            self.counts[f"left out: {what} whose name no file can have"] += 1
            return None

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        yield from self.connection.execute(query.execution_options(yield_per=500))


def _records(rows: Sequence[RowMapping]) -> Iterator[dict[str, Any]]:
    """A trial's epochs as records."""
    first = rows[0]
    prm = codec.join_hyperparameters(first, codec.told(first["prm"]))
    prm["transform"] = first["transform"]
    uid = _uid(first, prm)
    if uid is not None:
        prm["uid"] = uid
    spent = 0.0
    for row in rows:
        spent += math.nan if row["seconds"] is None else row["seconds"]
        record = {**prm, "accuracy": row["score"]}
        duration = row["elapsed"] if row["import_id"] is not None else _nanoseconds(spent)
        if duration is not None:
            record["duration"] = duration
        yield record


def _nanoseconds(seconds: float) -> int | None:
    return None if math.isnan(seconds) else round(seconds * 1e9)


def _uid(row: RowMapping, prm: dict[str, Any]) -> str | None:
    """An imported trial's own; another for each trial of ours, so that they stay apart."""
    if row["import_id"] is not None:
        uid: str | None = row["uid"]
        return uid
    text = f"{row['id']} {row['seed']} {codec.to_json(prm)}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _device_run(row: RowMapping, name: str) -> dict[str, Any]:
    """The file of a run; its keys in the order of the field's own files."""
    details = codec.from_json(row["details"])
    analytics = details.pop("device_analytics", {})
    if row["measured"] is not None:
        analytics = {"timestamp": row["measured"], **analytics}
    cpu = codec.from_json(row["content"]).get("cpu_info")
    if cpu is not None:
        analytics["cpu_info"] = cpu
    duration = row["duration"]
    return {
        "model_name": name,
        "device_type": row["device_type"],
        "os_version": row["os_version"],
        "valid": bool(row["valid"]),
        "emulator": bool(row["emulator"]),
        "error_message": row["error"],
        "duration": int(duration) if duration is not None and duration.is_integer() else duration,
        **details,
        "device_analytics": analytics,
    }


def _write_json(path: Path, value: Any, **layout: Any) -> None:
    path.write_text(json.dumps(value, **layout), encoding="ascii")
