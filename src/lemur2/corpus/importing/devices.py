"""Inference on devices: `stat/run/<task>_<network>/<device>.json`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import device_runs
from lemur2.corpus.importing.archives import Archive, Damaged, Entry
from lemur2.corpus.importing.folders import MAX_FILE, fingerprint
from lemur2.corpus.importing.naming import split_folder
from lemur2.corpus.importing.networks import Known
from lemur2.corpus.importing.summary import Summary
from lemur2.corpus.importing.trainings import Refused, is_shallow, parse_json
from lemur2.corpus.rows.architectures import ensure_environment
from lemur2.paths import is_name

_SUFFIX = ".json"
_KEY = ("architecture_id", "task", "device")


@dataclass(frozen=True)
class DeviceRun:
    """A file of the layout: which network, task and device it is about."""

    network: str
    task: str
    device: str
    entry: Entry


def find_runs(
    layout: dict[str, dict[str, Entry]], known: Known, summary: Summary
) -> list[DeviceRun]:
    """The files whose names can be read and whose network is there."""
    found = []
    for folder, files in layout.items():
        parts = split_folder(folder, 2, known.imported)
        for name, entry in files.items():
            cause = None
            if parts is None or not all(map(is_name, parts)):
                cause = "a folder that is not <task>_<network>"
            elif parts[1] not in known.imported:
                cause = "there is no such network"
            elif not name.endswith(_SUFFIX) or not is_name(name.removesuffix(_SUFFIX)):
                cause = "the file's name is not <device>.json"
            else:
                found.append(DeviceRun(parts[1], parts[0], name[: -len(_SUFFIX)], entry))
                continue
            summary.add("refused", f"device run: {cause}", example=entry.path)
    return found


def read_runs(
    connection: Connection, archive: Archive, found: list[DeviceRun], known: Known, seen: Summary
) -> list[dict[str, Any]]:
    """Rows for those runs that the corpus does not have in the same words."""
    columns = device_runs.c
    query = sa.select(columns.architecture_id, columns.task, columns.device, columns.fingerprint)
    stored = {tuple(row[:3]): row[3] for row in connection.execute(query)}
    rows = []
    for run in found:
        seen.add("read", "device runs")
        key = (known.imported[run.network][0], run.task, run.device)
        mark = fingerprint(archive, {"": run.entry})
        if stored.get(key) == mark:
            seen.add("unchanged", "device runs")
            continue
        try:
            values = _read(archive, run.entry)
        except (Refused, Damaged) as error:
            seen.add("refused", f"device run: {error}", example=run.entry.path)
            continue
        named = dict(zip(_KEY, key, strict=True))
        rows.append({**named, **values, "fingerprint": mark})
    return rows


def write_runs(connection: Connection, rows: list[dict[str, Any]], import_id: int) -> None:
    """Store what `read_runs` gave; a run that is there in other words is replaced."""
    old = sa.delete(device_runs).where(
        *(device_runs.c[name] == sa.bindparam(f"old_{name}") for name in _KEY)
    )
    connection.execute(old, [{f"old_{name}": row[name] for name in _KEY} for row in rows])
    environments: dict[str, int] = {}
    made = []
    for row in rows:
        values = dict(row)
        environment = values.pop("environment")
        text = codec.to_json(environment)
        if text not in environments:
            environments[text] = ensure_environment(connection, environment)
        made.append({**values, "environment_id": environments[text], "import_id": import_id})
    connection.execute(sa.insert(device_runs), made)


def _read(archive: Archive, entry: Entry) -> dict[str, Any]:
    """The columns of a run, and `environment`, which many runs share."""
    if entry.size > MAX_FILE:
        raise Refused(f"larger than {MAX_FILE >> 20} MB")
    found = parse_json(archive.read(entry))
    if not isinstance(found, dict):
        raise Refused("JSON, but not an object")
    if not is_shallow(found):
        raise Refused("JSON that is nested too deeply")
    rest = dict(found)
    rest.pop("model_name", None)  # the folder has it
    analytics = rest.pop("device_analytics", None)
    analytics = dict(analytics) if isinstance(analytics, dict) else {}
    return {
        "device_type": _text(rest.pop("device_type", None)) or "",
        "os_version": _text(rest.pop("os_version", None)) or "",
        "valid": int(bool(rest.pop("valid", False))),
        "emulator": int(bool(rest.pop("emulator", False))),
        "error": _text(rest.pop("error_message", None)),
        "duration": _number(rest.pop("duration", None)),
        "environment": {"cpu_info": analytics.pop("cpu_info", None)},
        "measured": _number(analytics.pop("timestamp", None)),
        "details": codec.to_json({**rest, "device_analytics": analytics}),
    }


def _text(value: Any) -> Any:
    return None if value is None else codec.plain(str(value))


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1 << 63 and math.isfinite(value) else None
