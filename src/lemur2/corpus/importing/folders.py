"""Trials of a source into the corpus: a folder at a time, whole or not at all."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.architecture import Verdict
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import benchmarks, epochs, import_folders, transforms, trials
from lemur2.corpus.importing.archives import Archive, Damaged, Entry
from lemur2.corpus.importing.naming import split_folder
from lemur2.corpus.importing.networks import Known, transform_id
from lemur2.corpus.importing.summary import Summary
from lemur2.corpus.importing.trainings import (
    Record,
    Refused,
    Training,
    epoch_of,
    group,
    merge,
    parse_file,
    read_record,
    seconds,
    with_total,
)
from lemur2.corpus.rows.architectures import ensure, ensure_environment, reserve_ids
from lemur2.paths import is_name

MAX_FILE = 16 << 20
"""Bytes of the largest file of trials that is read; the largest of 99,771 has 1.3 million."""

IMPLAUSIBLE = "implausible: the source matches detections wrongly when it computes mAP"
_DETECTION = ("obj-detection", "map")

_MD5 = re.compile(r"[0-9a-f]{32}")

Key = tuple[int, int]  # architecture and benchmark


@dataclass(frozen=True)
class Folder:
    """A folder of epoch files: of one network under one task, data set and metric."""

    name: str
    task: str
    dataset: str
    metric: str
    network: str
    files: dict[str, Entry]


@dataclass
class Trials:
    """What was read of a folder, ready to be written."""

    folder: Folder
    fingerprint: str
    records: list[Record]
    summary: Summary = field(default_factory=Summary)


def find_folders(
    layout: dict[str, dict[str, Entry]], known: Known, summary: Summary
) -> list[Folder]:
    """The folders whose names can be read and whose network is there."""
    found = []
    for name, files in layout.items():
        parts = split_folder(name, 4, known.imported)
        if parts is None or not all(map(is_name, parts)):
            cause = "a name that is not <task>_<dataset>_<metric>_<network>"
        elif parts[3] not in known.imported:
            cause = "there is no such network"
        else:
            task, dataset, metric, network = parts
            found.append(Folder(name, task, dataset, metric, network, files))
            continue
        summary.add("refused", f"folder of trials: {cause}", example=name)
    return found


def fingerprint(archive: Archive, files: dict[str, Entry]) -> str:
    """Of the names and contents of files. Equal for a wheel and what it unpacks to."""
    text = "\n".join(
        f"{name} {files[name].size} {_checksum(archive, files[name])}" for name in sorted(files)
    )
    return hashlib.md5(text.encode(errors="replace"), usedforsecurity=False).hexdigest()


def _checksum(archive: Archive, entry: Entry) -> int | str:
    if entry.size > MAX_FILE:
        return "not read"
    try:
        return archive.checksum(entry)
    except Damaged as error:
        return str(error)


def read_folder(archive: Archive, folder: Folder, mark: str) -> Trials:
    """Every record of a folder's files; what cannot be read is refused and counted."""
    found = Trials(folder, mark, [])
    for name, entry in folder.files.items():
        try:
            epoch = epoch_of(name)
            if entry.size > MAX_FILE:
                raise Refused(f"larger than {MAX_FILE >> 20} MB")
            values = parse_file(archive.read(entry))
        except (Refused, Damaged) as error:
            found.summary.add("refused", f"file of trials: {error}", example=entry.path)
            continue
        found.summary.add("read", "files of trials")
        _read_records(values, epoch, entry, found)
    return found


def _read_records(values: Sequence[Any], epoch: int, entry: Entry, found: Trials) -> None:
    summary = found.summary
    summary.add("read", "epochs of trials", len(values))
    if epoch == 0:
        summary.add("noted", "files for epoch 0")
    uids = set()
    for place, value in enumerate(values):
        try:
            record = read_record(value, epoch)
        except Refused as error:
            summary.add("refused", f"epoch: {error}", example=f"{entry.path}[{place}]")
            continue
        found.records.append(record)
        uids.add(record.uid)
        if record.score != record.score:
            summary.add("flagged", "epoch without a score", example=f"{entry.path}[{place}]")
        if record.elapsed is None:
            summary.add("noted", "epochs without a duration")
        if record.uid is not None and not _MD5.fullmatch(record.uid):
            summary.add("noted", "epochs whose uid is no md5")
        if record.stated is not None:
            cause = "stated epoch is not the file's: the file's is taken, the other is the plan"
            summary.add("fixed", cause)
    if len(uids) < len(values):
        summary.add("fixed", "files that repeat a uid: a training for each time")


class Writer:
    """Writes folders, in the caller's transaction; what it looked up is kept."""

    def __init__(self, connection: Connection, known: Known) -> None:
        self.known = known
        rows = connection.execute(sa.select(import_folders))
        self._stored: dict[Key, str] = {(row[0], row[1]): row[2] for row in rows}
        self._benchmarks: dict[tuple[str, str, str], int] = {
            (row.task, row.dataset, row.metric): row.id
            for row in connection.execute(sa.select(benchmarks))
        }
        self._trials: list[dict[str, Any]] = []
        self._epochs: list[dict[str, Any]] = []

    def has(self, folder: Folder, mark: str) -> bool:
        """Whether this folder is stored as it is."""
        benchmark = self._benchmarks.get((folder.task, folder.dataset, folder.metric))
        network = self.known.imported[folder.network][0]
        return benchmark is not None and self._stored.get((network, benchmark)) == mark

    def write(
        self,
        connection: Connection,
        batch: Sequence[Trials],
        import_id: int,
        summary: Summary,
    ) -> None:
        """Store folders; one that is there in other words gets what it did not have."""
        common = {
            "environment_id": ensure_environment(connection, {}),
            "verdict": Verdict.OK.value,
            "reason": "",
            "created": time.time(),
            "import_id": import_id,
        }
        marks = []
        for found in batch:
            key = self._key(connection, found.folder)
            records: Iterable[Record] | None = found.records
            if key in self._stored:
                records = _replace(connection, key, found)
            if records is None:
                summary.add("unchanged", "folders of trials")
            else:
                self._add(connection, key, found, list(group(records)), common)
                summary.merge(found.summary)
            self._stored[key] = found.fingerprint
            marks.append({**_named(key), "fingerprint": found.fingerprint})
        self._insert(connection)
        connection.execute(sa.insert(import_folders), marks)

    def _key(self, connection: Connection, folder: Folder) -> Key:
        """Ids of a folder's network and benchmark, which is made where it is new."""
        parts = (folder.task, folder.dataset, folder.metric)
        found = self._benchmarks.get(parts)
        if found is None:
            named = dict(zip(("task", "dataset", "metric"), parts, strict=True))
            found = self._benchmarks[parts] = ensure(connection, benchmarks, named)
        return self.known.imported[folder.network][0], found

    def _add(
        self,
        connection: Connection,
        key: Key,
        found: Trials,
        trainings: list[Training],
        common: dict[str, Any],
    ) -> None:
        folder, summary = found.folder, found.summary
        flagged = IMPLAUSIBLE if (folder.task, folder.metric) == _DETECTION else None
        for training in trainings:
            place = len(self._trials)
            name = training.transform
            self._trials.append(
                {
                    **common,
                    **_named(key),
                    "transform_id": transform_id(connection, name, self.known, summary),
                    **codec.split_hyperparameters(training.hyperparameters),
                    "uid": training.uid,
                    "flagged": flagged,
                }
            )
            self._epochs += _epoch_rows(training, place, summary)
        count = sum(len(training.records) for training in trainings)
        summary.add("new", "folders of trials")
        summary.add("new", "trials", len(trainings))
        summary.add("new", "epochs", count)
        if flagged:
            summary.add("flagged", "epochs of detection mAP, which the source gets wrong", count)

    def _insert(self, connection: Connection) -> None:
        if self._trials:
            ids = reserve_ids(connection, trials, len(self._trials))
            for row, key in zip(self._trials, ids, strict=True):
                row["id"] = key
            for row in self._epochs:
                row["trial_id"] = ids[row["trial_id"]]
            connection.execute(sa.insert(trials), self._trials)
            connection.execute(sa.insert(epochs), self._epochs)
        self._trials, self._epochs = [], []


def _named(key: Key) -> dict[str, int]:
    return dict(zip(("architecture_id", "benchmark_id"), key, strict=True))


def _epoch_rows(training: Training, place: int, summary: Summary) -> list[dict[str, Any]]:
    """Rows of `epochs`; `trial_id` is the place of the trial among those to be inserted."""
    rows = []
    last = 0
    for record, spent in zip(training.records, seconds(training), strict=True):
        rows.append(
            {
                "trial_id": place,
                "epoch": record.epoch,
                "score": codec.number(record.score),
                "seconds": spent,
                "elapsed": record.elapsed,
            }
        )
        if spent is not None:
            summary.add("fixed", "durations since the start made seconds of an epoch")
            if record.epoch > last + 1:
                cause = "durations shared evenly with epochs before them that are not recorded"
                summary.add("fixed", cause)
            last = record.epoch
        elif record.elapsed is not None:
            summary.add("flagged", "durations below an earlier epoch's, left out")
    return rows


def _replace(connection: Connection, key: Key, found: Trials) -> list[Record] | None:
    """Take a folder's stored trials out; their records and those that were read now.

    None where nothing was read that is not stored; then its trials stay.
    """
    folder = (import_folders.c.architecture_id == key[0], import_folders.c.benchmark_id == key[1])
    connection.execute(sa.delete(import_folders).where(*folder))
    before = _stored_records(connection, key)
    after = merge(before, found.records)
    if len(after) == len(before):
        return None
    mine = _of(key)
    count: int = connection.scalar(sa.select(sa.func.count()).select_from(trials).where(mine)) or 0
    connection.execute(sa.delete(trials).where(mine))
    for cause, had in (("trials", count), ("epochs", len(before))):
        found.summary.add("new", cause, -had)
        found.summary.add("unchanged", cause, had)
    return after


def _of(key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(
        trials.c.architecture_id == key[0],
        trials.c.benchmark_id == key[1],
        trials.c.import_id.is_not(None),
    )


def _stored_records(connection: Connection, key: Key) -> list[Record]:
    query = (
        sa.select(trials, epochs, transforms.c.name.label("transform"))
        .join(epochs, epochs.c.trial_id == trials.c.id)
        .join(transforms, transforms.c.id == trials.c.transform_id)
        .where(_of(key))
    )
    found = []
    for row in connection.execute(query).mappings():
        prm = codec.join_hyperparameters(row, codec.told(row["prm"]))
        hyperparameters, total = with_total(prm)
        found.append(
            Record(
                epoch=row["epoch"],
                score=float("nan") if row["score"] is None else row["score"],
                elapsed=row["elapsed"],
                stated=None if total == row["epoch"] else total,
                uid=row["uid"],
                transform=row["transform"],
                hyperparameters=hyperparameters,
            )
        )
    return found
