"""The database's tables as Arrow: what Parquet exports are written and read by."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from lemur2.errors import UserError

MANIFEST = "lemur2.json"
"""The file by which a folder is known to be a Parquet export."""


def require_pyarrow() -> Any:
    """The module.

    Raises:
        UserError: It is not installed.
    """
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise UserError("this needs pyarrow; do `pip install 'lemur2[analysis]'`") from None
    return pyarrow


def arrow_schema(table: sa.Table) -> Any:
    """The table's columns as Arrow types."""
    pa = require_pyarrow()
    kinds: list[tuple[type[Any], Any]] = [
        (sa.LargeBinary, pa.binary()),
        (sa.Integer, pa.int64()),
        (sa.Double, pa.float64()),
        (sa.String, pa.string()),
    ]

    def kind_of(column: sa.Column[Any]) -> Any:
        return next(made for kind, made in kinds if isinstance(column.type, kind))

    return pa.schema([pa.field(column.name, kind_of(column)) for column in table.columns])
