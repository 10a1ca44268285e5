"""Records of the field's epoch files, put together to trainings. Decision 007 says why so.

A file holds one record per training that reached its epoch. Records of a folder with the same
`uid` are the epochs of one training; where a uid occurs several times in one file, the same
hyperparameters were trained several times, and there are as many trainings.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lemur2.corpus.db import codec
from lemur2.paths import is_name

_FILE = re.compile(r"(\d{1,9})\.json")
_NAN = float("nan")  # one object, so that dicts which hold it are equal
_NS = 1e9
_LONGEST = 1 << 62  # ns
_LONGEST_UID = 200  # characters
_MOST = 256  # hyperparameters of a training


class Refused(Exception):
    """A file or a record that cannot be used; the message says why."""


@dataclass(slots=True)
class Record:
    """One epoch of one training, as a file has it.

    Attributes:
        epoch: The file's number.
        score: NaN where the record has none.
        elapsed: Nanoseconds since training began; None where they were not recorded.
        stated: The record's own `epoch`, where it is not the file's: the planned total.
        uid, transform, hyperparameters: Of the training.
    """

    epoch: int
    score: float
    elapsed: int | None
    stated: int | float | None
    uid: str | None
    transform: str
    hyperparameters: dict[str, Any]


@dataclass(slots=True)
class Training:
    """Hyperparameters, and one record for every epoch that was stored of it, in order."""

    uid: str | None
    transform: str
    hyperparameters: dict[str, Any]
    records: list[Record] = field(default_factory=list)


def epoch_of(file: str) -> int:
    """The epoch that a file's name says.

    Raises:
        Refused: It says none.
    """
    match = _FILE.fullmatch(file)
    if match is None:
        raise Refused("the file's name is not <epoch>.json")
    return int(match[1])


def parse_file(data: bytes) -> list[Any]:
    """The list of records in a file, each still to be read.

    Raises:
        Refused: It is no JSON, or no list.
    """
    found = parse_json(data)
    if not isinstance(found, list):
        raise Refused("JSON, but not a list of trials")
    return found


def parse_json(data: bytes) -> Any:
    """The value in a file.

    Raises:
        Refused: It is no JSON.
    """
    try:
        return json.loads(data, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Refused("not JSON") from error


def _constant(name: str) -> float:
    return _NAN if name == "NaN" else float(name)


def read_record(value: Any, epoch: int) -> Record:
    """A record of the file for `epoch`.

    Raises:
        Refused: It is none.
    """
    if not isinstance(value, dict):
        raise Refused("a trial that is not an object")
    rest = dict(value)
    score = _score(rest.pop("accuracy", _MISSING))
    elapsed = rest.pop("duration", None)
    stated = rest.pop("epoch", None)
    uid, transform = rest.pop("uid", None), rest.pop("transform", "")
    if not isinstance(transform, str):
        raise Refused("a transform that is not text")
    if transform and not is_name(transform):
        raise Refused("a transform whose name cannot be stored")
    if len(rest) > _MOST or not all(map(is_name, rest)):
        raise Refused("hyperparameters whose names cannot be stored")
    if not all(map(is_shallow, rest.values())):
        raise Refused("a hyperparameter that is nested too deeply")
    return Record(
        epoch=epoch,
        score=score,
        elapsed=elapsed if _is_duration(elapsed) else None,
        stated=stated if _is_number(stated) and stated != epoch else None,
        uid=None if uid is None else codec.plain(str(uid)[:_LONGEST_UID]),
        transform=transform,
        hyperparameters=rest,
    )


def is_shallow(value: Any, depth: int = 16) -> bool:
    """Whether lists and objects are nested less deeply than `depth`: recursion has its limits."""
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return depth > 1 and all(is_shallow(part, depth - 1) for part in parts)


_MISSING = object()


def _score(value: Any) -> float:
    if value is None:
        return math.nan
    if value is _MISSING:
        raise Refused("a trial without an accuracy")
    if not _is_number(value):
        raise Refused("an accuracy that is not a number")
    return float(value) if math.isfinite(value) else math.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < 1 << 63)


def _is_duration(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LONGEST


def group(records: Iterable[Record]) -> Iterator[Training]:
    """The trainings that the records of a folder belong to; none is left out or used twice.

    Of several trainings with the same hyperparameters, the one that was the quicker at one epoch
    is taken to be the quicker at every other: that keeps the durations of each growing.
    """
    same: defaultdict[tuple[str | None, str], list[list[Record]]] = defaultdict(list)
    for record in records:
        groups = same[record.uid, record.transform]
        for members in groups:
            if members[0].hyperparameters == record.hyperparameters:
                members.append(record)
                break
        else:
            groups.append([record])
    for groups in same.values():
        for members in groups:
            yield from _trainings(members)


def _trainings(records: list[Record]) -> list[Training]:
    by_epoch: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        by_epoch[record.epoch].append(record)
    made: list[Training] = []
    for epoch in sorted(by_epoch):
        for place, record in enumerate(sorted(by_epoch[epoch], key=_quickest)):
            if place == len(made):
                made.append(Training(record.uid, record.transform, dict(record.hyperparameters)))
            made[place].records.append(record)
    for training in made:
        _keep_total(training)
    return made


def _quickest(record: Record) -> tuple[bool, int, float]:
    score = -math.inf if math.isnan(record.score) else record.score
    return record.elapsed is None, record.elapsed or 0, -score


def _keep_total(training: Training) -> None:
    """A training that states how many epochs were planned has that as a hyperparameter."""
    stated = [record.stated for record in training.records if record.stated is not None]
    if stated:
        training.hyperparameters["epoch"] = stated[-1]


def seconds(training: Training) -> Iterator[float | None]:
    """Seconds of each epoch, from the durations since the start.

    Where epochs between two records (or before the first) were not stored, it is their mean; None
    where nothing was recorded, or less than at an earlier epoch.
    """
    last_epoch, last_elapsed = 0, 0
    for record in training.records:
        if record.elapsed is None or record.elapsed < last_elapsed:
            yield None
            continue
        yield (record.elapsed - last_elapsed) / max(1, record.epoch - last_epoch) / _NS
        last_epoch, last_elapsed = record.epoch, record.elapsed


def merge(stored: Iterable[Record], read: Iterable[Record]) -> list[Record]:
    """All that either has; what both have once for each time that it occurs in either."""
    counts: defaultdict[Any, list[list[Record]]] = defaultdict(lambda: [[], []])
    for side, records in enumerate((stored, read)):
        for record in records:
            counts[_key(record)][side].append(record)
    return [record for sides in counts.values() for record in max(sides, key=len)]


def _key(record: Record) -> tuple[Any, ...]:
    score = None if math.isnan(record.score) else record.score
    return record.uid, record.transform, record.epoch, score, record.elapsed


def with_total(hyperparameters: Mapping[str, Any]) -> tuple[dict[str, Any], int | float | None]:
    """Stored hyperparameters without the planned total, and that."""
    rest = dict(hyperparameters)
    return rest, rest.pop("epoch", None)
