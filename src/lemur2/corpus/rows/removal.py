"""Runs taken out of a corpus, with what nothing else refers to. On an open transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import (
    architectures,
    attempts,
    device_runs,
    import_folders,
    lineage,
    redundant,
    runs,
    sources,
    transforms,
    trials,
)
from lemur2.corpus.rows import ledger
from lemur2.errors import UserError

_FEW = 500  # values in one IN (...)


@dataclass(frozen=True, kw_only=True)
class Removed:
    """How many rows of each kind were deleted."""

    runs: int
    attempts: int
    trials: int
    networks: int


def remove(connection: Connection, run_ids: Sequence[int]) -> Removed:
    """Delete runs; see `Corpus.remove_runs`."""
    _refuse_where_others_rest_on_it(connection, run_ids)
    networks, texts = _touched(connection, run_ids)
    counts = [
        connection.execute(sa.delete(table).where(column.in_(run_ids))).rowcount
        for table, column in (
            (attempts, attempts.c.run_id),
            (trials, trials.c.run_id),
            (runs, runs.c.id),
        )
    ]
    gone = _delete_unneeded(connection, networks)
    _delete_texts(connection, texts)
    return Removed(attempts=counts[0], trials=counts[1], runs=counts[2], networks=gone)


def remove_empty(connection: Connection, run_id: int) -> bool:
    """Delete a run in which nothing was asked or tried; whether it was such a one."""
    used = [sa.exists().where(table.c.run_id == run_id) for table in (attempts, trials)]
    empty = sa.delete(runs).where(runs.c.id == run_id, *(~each for each in used))
    return bool(connection.execute(empty).rowcount)


def _refuse_where_others_rest_on_it(connection: Connection, run_ids: Sequence[int]) -> None:
    """A run that goes on must find what it saw when it began."""
    for run in ledger.find(connection, runs.c.id > min(run_ids), runs.c.id.not_in(run_ids)):
        if "pool" in run.config and run.status != "finished":
            raise UserError(
                f"run {run.id} is not finished and began on what run {min(run_ids)} had found; "
                f"finish it with `lemur2 resume {run.id}`, or remove it as well"
            )


def _touched(connection: Connection, run_ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Ids of the networks and of the source texts that the runs have to do with."""
    of_attempts = sa.select(attempts.c.name).where(attempts.c.run_id.in_(run_ids))
    networks = set(
        connection.scalars(
            sa.select(trials.c.architecture_id).where(trials.c.run_id.in_(run_ids)).distinct()
        )
    ) | set(
        connection.scalars(
            sa.select(architectures.c.id).where(architectures.c.name.in_(of_attempts))
        )
    )
    texts = {
        text
        for row in connection.execute(
            sa.select(attempts.c.source_id, attempts.c.prompt_id).where(
                attempts.c.run_id.in_(run_ids)
            )
        )
        for text in row
        if text is not None
    }
    return networks, texts


def _delete_unneeded(connection: Connection, candidates: set[int]) -> int:
    """Delete the networks that nothing refers to, those that only deleted ones refer to as well."""
    mentioned = _mentioned(connection)
    gone = 0
    while unneeded := _unneeded(connection, candidates, mentioned):
        for some in _chunks(unneeded):
            connection.execute(sa.delete(architectures).where(architectures.c.id.in_(some)))
        candidates -= set(unneeded)
        gone += len(unneeded)
    return gone


def _mentioned(connection: Connection) -> set[str]:
    """Names that attempts and runs hold."""
    attempted = sa.select(attempts.c.name).union(sa.select(attempts.c.duplicate_of))
    found = {name for name in connection.scalars(attempted) if name is not None}
    for parents in connection.scalars(sa.select(attempts.c.parents).distinct()):
        found.update(codec.from_json(parents))
    for config in connection.scalars(sa.select(runs.c.config).where(runs.c.verb == "train")):
        found.add(codec.from_json(config).get("network", ""))
    return found


def _unneeded(connection: Connection, candidates: Iterable[int], mentioned: set[str]) -> list[int]:
    used = [
        architectures.c.id.in_(sa.select(column))
        for column in (
            trials.c.architecture_id,
            device_runs.c.architecture_id,
            import_folders.c.architecture_id,
            redundant.c.representative_id,
        )
    ]
    used.append(architectures.c.name.in_(sa.select(lineage.c.parent)))
    found: list[int] = []
    for some in _chunks(candidates):
        query = sa.select(architectures.c.id, architectures.c.name).where(
            architectures.c.id.in_(some),
            architectures.c.import_id.is_(None),
            *(~each for each in used),
        )
        found += [key for key, name in connection.execute(query) if name not in mentioned]
    return found


def _delete_texts(connection: Connection, texts: set[int]) -> None:
    """Delete transforms and source texts that nothing uses any more."""
    untried = transforms.c.id.not_in(sa.select(trials.c.transform_id))
    unused = [
        sources.c.id.not_in(sa.select(column).where(column.is_not(None)))
        for column in (
            architectures.c.source_id,
            attempts.c.source_id,
            attempts.c.prompt_id,
            transforms.c.source_id,
        )
    ]
    for some in _chunks(texts):
        mine = transforms.c.source_id.in_(some)
        proposed = transforms.c.source_id.in_(sa.select(attempts.c.source_id))
        connection.execute(sa.delete(transforms).where(mine, untried, ~proposed))
        connection.execute(sa.delete(sources).where(sources.c.id.in_(some), *unused))


def _chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    ordered = sorted(ids)
    return (ordered[start : start + _FEW] for start in range(0, len(ordered), _FEW))
