"""A Parquet export back into a corpus: every table as it was, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db.schema import REVISION, metadata
from lemur2.corpus.db.tables import MANIFEST, arrow_schema, require_pyarrow
from lemur2.corpus.importing.checking import check_rows
from lemur2.corpus.importing.summary import Summary
from lemur2.corpus.progress import Progress
from lemur2.corpus.store import Corpus
from lemur2.errors import UserError

_ROWS = 20_000
_MANIFEST = 1 << 20  # bytes
_LARGEST = 4 << 30  # bytes of a group of rows; those of an export have 20,000 rows
_REFUSALS = (sa.exc.IntegrityError, sa.exc.DataError)


def is_export(source: Path) -> bool:
    """Whether this is a folder that `export_parquet` wrote."""
    return (source / MANIFEST).is_file()


def _schema(source: Path) -> Any:
    """The version that a dump says it is of."""
    stated = json.loads(_own(source / MANIFEST).read_bytes()[:_MANIFEST])
    return stated.get("schema") if isinstance(stated, dict) else None


def _own(path: Path) -> Path:
    """A file of the dump itself; a link could lead anywhere."""
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path.name} is no file of its own")
    return path


def restore(corpus: Corpus, source: Path, progress: Progress) -> Summary:
    """Fill an empty corpus; one that holds the very same rows is left as it is.

    Raises:
        UserError: The corpus holds other rows, or the export is damaged or of another version.
    """
    pa = require_pyarrow()
    summary = Summary()
    try:
        if (schema := _schema(source)) != REVISION:
            raise UserError(f"{source} is of another version of lemur2 (schema {schema!s:.40})")
        with corpus.database.write() as connection:
            is_empty = not any(_count(connection, table) for table in metadata.sorted_tables)
            for done, table in enumerate(metadata.sorted_tables):
                progress(f"table {table.name}", done, len(metadata.sorted_tables))
                batches = _read(source, table)
                if is_empty:
                    summary.add("new", table.name, _fill(connection, table, batches))
                else:
                    summary.add("unchanged", table.name, _compare(connection, table, batches))
    except (OSError, ValueError, RecursionError, pa.ArrowException, *_REFUSALS) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{source} is no export, or a damaged one: {reason}; nothing of it was stored"
        ) from error
    return summary


def _count(connection: Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _read(source: Path, table: sa.Table) -> Iterator[list[dict[str, Any]]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(_own(source / f"{table.name}.parquet")) as file:
        if not file.schema_arrow.equals(arrow_schema(table)):
            raise ValueError(f"{table.name}.parquet has other columns than its table")
        groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
        if any(group.total_byte_size > _LARGEST for group in groups):
            raise ValueError(f"{table.name}.parquet unpacks to more than any export's")
        for batch in file.iter_batches(_ROWS):
            if batch.nbytes > _LARGEST:
                raise ValueError(f"{table.name}.parquet unpacks to more than any export's")
            rows = batch.to_pylist()
            check_rows(table, rows)
            yield rows


def _fill(connection: Connection, table: sa.Table, batches: Iterator[list[dict[str, Any]]]) -> int:
    count = 0
    for rows in batches:
        connection.execute(sa.insert(table), rows)
        count += len(rows)
    if connection.dialect.name == "postgresql" and count and "id" in table.columns:
        sequence = sa.func.pg_get_serial_sequence(table.name, "id")
        last = sa.select(sa.func.max(table.c.id)).scalar_subquery()
        connection.execute(sa.select(sa.func.setval(sequence, last)))
    return count


def _compare(
    connection: Connection, table: sa.Table, batches: Iterator[list[dict[str, Any]]]
) -> int:
    query = sa.select(table).order_by(*table.primary_key.columns)
    stored = connection.execute(query.execution_options(yield_per=_ROWS)).mappings()
    count = 0
    for rows in batches:
        for row in rows:
            found = next(stored, None)
            if found is None or dict(found) != row:
                _refuse()
            count += 1
    if next(stored, None) is not None:
        _refuse()
    return count


def _refuse() -> None:
    raise UserError(
        "a Parquet export is restored into an empty corpus, and this one holds other rows; name a "
        "new one with --db, or export with --format field, which can be added to any"
    )
