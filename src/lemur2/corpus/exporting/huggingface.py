"""A folder in the form of a Hugging Face dataset: flat Parquet files and a card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, device_runs, imports, lineage, sources
from lemur2.corpus.db.tables import require_pyarrow
from lemur2.corpus.exporting.folder import new_folder
from lemur2.corpus.progress import Progress
from lemur2.corpus.query.table import arrow
from lemur2.corpus.store import Corpus

_CONFIGS = {
    "trials": "a row per epoch of a training that ended well",
    "networks": "a row per network, with its source text",
    "device_runs": "a row per inference run on a device",
}
_TRIAL_COLUMNS = (
    "nn",
    "family",
    "task",
    "dataset",
    "metric",
    "transform",
    "epoch",
    "accuracy",
    "duration",
    "prm",
    "seed",
    "provenance",
    "flagged",
    "trial",
)


def export_huggingface(corpus: Corpus, target: Path, progress: Progress) -> dict[str, int]:
    """Write `target`/data/<config>/train-00000-of-00001.parquet and README.md, the card.

    Returns:
        Rows by config.

    Raises:
        UserError: `target` is there already, cannot be written, or pyarrow is missing.
    """
    require_pyarrow()
    import pyarrow.parquet as pq

    makers: dict[str, Callable[[Corpus], Any]] = {
        "trials": _trials,
        "networks": _networks,
        "device_runs": _device_runs,
    }
    counts: dict[str, int] = {}
    with new_folder(target) as folder:
        for done, (name, make) in enumerate(makers.items()):
            progress(name, done, len(makers))
            path = folder / "data" / name / "train-00000-of-00001.parquet"
            path.parent.mkdir(parents=True)
            table = make(corpus)
            pq.write_table(table, path, compression="zstd")
            counts[name] = table.num_rows
        with corpus.database.read() as connection:
            (folder / "README.md").write_text(_card(connection, counts))
    return counts


def _trials(corpus: Corpus) -> Any:
    """`prm` as JSON text, and the four common hyperparameters as columns of their own."""
    columns = arrow(db=corpus, columns=["prm"], hyperparameters="columns")
    table = arrow(db=corpus, columns=_TRIAL_COLUMNS, hyperparameters="dict")
    for name in codec.COLUMNS:
        if f"prm_{name}" in columns.column_names:
            table = table.append_column(name, columns[f"prm_{name}"])
    return table


def _networks(corpus: Corpus) -> Any:
    pa = require_pyarrow()
    columns = architectures.c
    query = sa.select(
        columns.name,
        columns.family,
        columns.prefix,
        columns.digest,
        columns.whitespace_md5,
        columns.hyperparameters,
        columns.parameters,
        columns.input_size,
        columns.flagged,
        sa.case((columns.import_id.is_(None), "own"), else_="imported").label("provenance"),
        sources.c.text.label("code"),
        columns.id,
    ).join(sources, sources.c.id == columns.source_id)
    with corpus.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        parents: dict[int, list[str]] = {}
        for child, parent in connection.execute(sa.select(lineage)):
            parents.setdefault(child, []).append(parent)
    for row in rows:
        row["parents"] = parents.get(row.pop("id"), [])
        row["hyperparameters"] = codec.told(row["hyperparameters"])
        row["code"] = codec.plain(codec.decode_text(row["code"]))
    text, texts, number = pa.string(), pa.list_(pa.string()), pa.int64()
    kinds = {"hyperparameters": texts, "parents": texts, "parameters": number, "input_size": number}
    names = [column.name for column in query.selected_columns if column.name != "id"]
    schema = pa.schema([pa.field(name, kinds.get(name, text)) for name in (*names, "parents")])
    return pa.Table.from_pylist(rows, schema=schema)


def _device_runs(corpus: Corpus) -> Any:
    pa = require_pyarrow()
    columns = device_runs.c
    query = sa.select(
        architectures.c.name.label("nn"),
        columns.task,
        columns.device,
        columns.device_type,
        columns.os_version,
        (columns.valid == 1).label("valid"),
        (columns.emulator == 1).label("emulator"),
        columns.error,
        columns.duration,
        columns.measured,
        columns.details,
    ).join(architectures, architectures.c.id == columns.architecture_id)
    kinds = {name: pa.bool_() for name in ("valid", "emulator")}
    kinds |= {name: pa.float64() for name in ("duration", "measured")}
    names = [column.name for column in query.selected_columns]
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    with corpus.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return pa.Table.from_pylist(rows, schema=schema)


def _card(connection: Connection, counts: dict[str, int]) -> str:
    configs = "".join(
        f"  - config_name: {name}\n    data_files: data/{name}/*.parquet\n" for name in _CONFIGS
    )
    origins = connection.execute(sa.select(imports.c.name, imports.c.version).distinct()).all()
    origin = ", ".join(f"{name} {version}".strip() for name, version in origins) or "none"
    listed = "".join(
        f"- `{name}` ({counts[name]:,} rows): {text}\n" for name, text in _CONFIGS.items()
    )
    size = "100K<n<1M" if counts["trials"] >= 100_000 else "n<100K"
    return f"""---
license: mit
pretty_name: LEMUR 2 corpus of neural networks
tags:
  - neural-architecture-search
  - automl
  - pytorch
size_categories:
  - {size}
configs:
{configs}---

# A LEMUR 2 corpus of neural networks

Networks as source text, and what became of training them. Written by `lemur2 export`.

{listed}
Imported from: {origin}. `provenance` tells these rows from this corpus's own.

## Reading it

    from datasets import load_dataset
    trials = load_dataset("path/to/this/folder", "trials", split="train")

## What to know

- `accuracy` is the score by `metric` on the data set's validation part.
- `duration` is seconds of the epoch. Imported durations since the start were made so.
- `flagged` says why a score is to be taken with care: mAP of detection that was imported from
  nn-dataset is wrong. It is null for all others.
- Imported trials have no seed, and were trained by their corpus's protocol on machines unknown.
- `code` is generated or collected Python: do not run it outside a sandbox.
"""
