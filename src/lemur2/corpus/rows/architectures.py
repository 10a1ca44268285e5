"""Rows of sources, architectures, transforms and lineage. Functions on an open transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from lemur2.architecture import family as family_of
from lemur2.architecture import prefix as prefix_of
from lemur2.architecture import whitespace_md5
from lemur2.architecture.names import second_name
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, environments, lineage, sources, transforms
from lemur2.corpus.records import Facts
from lemur2.corpus.rows.entries import StoredArchitecture
from lemur2.errors import UserError

_BATCH = 500  # values in one IN (...): databases limit how many parameters a statement may have


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, leaving out those whose key is there already."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def reserve_ids(connection: Connection, table: sa.Table, count: int) -> list[int]:
    """Ids for so many new rows, which nobody else will get."""
    if connection.dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        query = sa.select(sa.func.nextval(sequence)).select_from(sa.func.generate_series(1, count))
        return list(connection.scalars(query))
    # SQLite: a writing transaction is the only one.
    last = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
    return list(range(last + 1, last + 1 + count))


def ensure(connection: Connection, table: sa.Table, key: dict[str, Any], **rest: Any) -> int:
    """The id of the row with this key, made (with `rest`) where there is none."""
    query = sa.select(table.c.id).where(*(table.c[name] == value for name, value in key.items()))
    found = connection.scalar(query)
    if found is None:
        insert_new(connection, table, [{**key, **rest}])
        found = connection.execute(query).scalar_one()
    return found


def ensure_source(connection: Connection, text: str) -> int:
    """The id of a source text."""
    data = codec.encode_text(text)
    return ensure(connection, sources, {"sha256": codec.sha256(data)}, text=data)


def ensure_environment(connection: Connection, environment: Any) -> int:
    """The id of an environment."""
    content = codec.to_json(environment)
    return ensure(
        connection, environments, {"sha256": codec.sha256(content.encode())}, content=content
    )


def ensure_transform(connection: Connection, name: str, source: str) -> int:
    """The id of a transform."""
    return ensure(
        connection, transforms, {"name": name, "source_id": ensure_source(connection, source)}
    )


def add(
    connection: Connection,
    *,
    name: str,
    source: str,
    digest: str,
    family: str | None,
    hyperparameters: Iterable[str] | None,
    facts: Facts | None,
    parents: Iterable[str],
) -> int:
    """Add an architecture, or find it; facts are added where they were missing."""
    found = connection.execute(
        sa.select(
            architectures.c.id, architectures.c.digest, architectures.c.structure_digest
        ).where(architectures.c.name == name)
    ).one_or_none()
    if found and found.digest != digest:
        raise UserError(
            f"the corpus has another network by the name of {name}; give this one another name"
        )
    measured = codec.facts_columns(facts) if facts else {}
    if found:
        if facts and found.structure_digest is None:
            row = architectures.c.id == found.id
            number = sa.select(sa.func.coalesce(sa.func.max(architectures.c.screening), 0) + 1)
            values = {**measured, "screening": number.scalar_subquery()}
            connection.execute(sa.update(architectures).where(row).values(values))
        return found.id
    declared = None if hyperparameters is None else codec.to_json(sorted(hyperparameters))
    inserted = connection.execute(
        sa.insert(architectures).values(
            name=name,
            family=family_of(name) if family is None else family,
            digest=digest,
            source_id=ensure_source(connection, source),
            hyperparameters=declared,
            created=time.time(),
            prefix=prefix_of(name),
            whitespace_md5=whitespace_md5(source),
            **measured,
        )
    ).inserted_primary_key
    assert inserted is not None
    child = inserted[0]
    insert_new(connection, lineage, [{"child_id": child, "parent": p} for p in parents])
    return child


def get(connection: Connection, name: str) -> StoredArchitecture | None:
    """One architecture."""
    row = (
        connection.execute(
            sa.select(architectures, sources.c.text)
            .join(sources, sources.c.id == architectures.c.source_id)
            .where(architectures.c.name == name)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    parents = connection.scalars(
        sa.select(lineage.c.parent).where(lineage.c.child_id == row["id"]).order_by("parent")
    )
    declared = codec.told(row["hyperparameters"])
    return StoredArchitecture(
        name=name,
        family=row["family"],
        digest=row["digest"],
        source=codec.decode_text(row["text"]),
        hyperparameters=None if declared is None else tuple(declared),
        facts=codec.facts_from_columns(row),
        parents=tuple(parents),
        created=row["created"],
        flagged=row["flagged"],
        imported=row["import_id"] is not None,
    )


def identify(connection: Connection, name: str) -> int:
    """The id of an architecture, which has to be there."""
    found = connection.scalar(sa.select(architectures.c.id).where(architectures.c.name == name))
    if found is None:
        raise UserError(f"the corpus has no network {name}; `lemur2 data` lists what it has")
    return found


def free_name(connection: Connection, name: str, digest: str) -> str:
    """A network's name, or its second one where another network has the first."""
    query = sa.select(architectures.c.digest).where(architectures.c.name == name)
    return name if connection.scalar(query) in (None, digest) else second_name(name, digest)


def children(connection: Connection, name: str) -> list[str]:
    """Names of the architectures that name this one as a parent."""
    query = (
        sa.select(architectures.c.name)
        .join(lineage, lineage.c.child_id == architectures.c.id)
        .where(lineage.c.parent == name)
    )
    return sorted(connection.scalars(query))


def source(connection: Connection, name: str) -> str | None:
    """An architecture's text."""
    data = connection.scalar(
        sa.select(sources.c.text)
        .join(architectures, architectures.c.source_id == sources.c.id)
        .where(architectures.c.name == name)
    )
    return None if data is None else codec.decode_text(data)


def known(
    connection: Connection, digests: Sequence[str], *where: sa.ColumnElement[bool]
) -> dict[str, str]:
    """Which canonical digests the corpus has: digest -> name, the first one stored.

    Sources that do not parse have no digest ("") and equal nothing.
    """
    digests = [digest for digest in digests if digest]
    found: dict[str, str] = {}
    for start in range(0, len(digests), _BATCH):
        batch = digests[start : start + _BATCH]
        query = (
            sa.select(architectures.c.digest, architectures.c.name)
            .where(architectures.c.digest.in_(batch), *where)
            .order_by(architectures.c.id)
        )
        for digest, name in connection.execute(query):
            found.setdefault(digest, name)
    return found
