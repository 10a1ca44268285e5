"""The whole corpus as Parquet: one file per table, exactly what the database holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db.schema import REVISION, metadata
from lemur2.corpus.db.tables import MANIFEST, arrow_schema, require_pyarrow
from lemur2.corpus.exporting.columns import COLUMNS
from lemur2.corpus.exporting.folder import new_folder
from lemur2.corpus.progress import Progress
from lemur2.corpus.store import Corpus

_ROWS = 20_000  # a batch in memory; a row group is several


def export_parquet(corpus: Corpus, target: Path, progress: Progress) -> dict[str, int]:
    """Write every table to `target`/<table>.parquet, with README.md and a manifest.

    Returns:
        Rows by table.

    Raises:
        UserError: `target` is there already, cannot be written, or pyarrow is missing.
    """
    require_pyarrow()
    counts = {}
    with new_folder(target) as folder, corpus.database.read() as connection:
        for done, table in enumerate(metadata.sorted_tables):
            progress(f"table {table.name}", done, len(metadata.sorted_tables))
            counts[table.name] = _write(connection, table, folder / f"{table.name}.parquet")
        manifest = {"schema": REVISION, "rows": counts}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        (folder / "README.md").write_text(_readme(counts))
    return counts


def _write(connection: Connection, table: sa.Table, path: Path) -> int:
    import pyarrow.parquet as pq

    schema = arrow_schema(table)
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(connection, table, schema):
            writer.write_batch(batch, row_group_size=_ROWS)
            count += batch.num_rows
    return count


def _batches(connection: Connection, table: sa.Table, schema: Any) -> Iterator[Any]:
    pa = require_pyarrow()
    query = sa.select(table).order_by(*table.primary_key.columns)
    for rows in connection.execute(query.execution_options(yield_per=_ROWS)).partitions():
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)


def _readme(counts: dict[str, int]) -> str:
    parts = [
        "# A LEMUR 2 corpus as Parquet\n\n"
        "One file per table, as the database holds it; a column `x_id` refers to the column `id`\n"
        "of the table in parentheses. `lemur2 import FOLDER --db new.db` gives the same corpus.\n"
    ]
    for table in metadata.sorted_tables:
        rows = "".join(
            f"| {column.name} | {COLUMNS[table.name][column.name]} |\n" for column in table.columns
        )
        count = f"{counts[table.name]:,}"
        parts.append(
            f"## {table.name} ({count} rows)\n\n| column | meaning |\n| --- | --- |\n{rows}"
        )
    return "\n".join(parts)
