"""One process at a time works on a run. The system releases a claim when its holder dies."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from lemur2.corpus.database import Database
from lemur2.errors import UserError

_POSTGRES_CLASS = 0x1E312  # tells our advisory locks from those of other programs


@contextmanager
def claimed(database: Database, run_id: int) -> Iterator[None]:
    """Hold the claim on a run.

    Raises:
        UserError: Another process holds it.
    """
    claim = _on_server if database.engine.dialect.name == "postgresql" else _on_machine
    with claim(database, run_id):
        yield


def _taken(run_id: int) -> UserError:
    return UserError(
        f"another process is at work on run {run_id}; wait for it, or end it and resume the run"
    )


@contextmanager
def _on_machine(database: Database, run_id: int) -> Iterator[None]:
    """A name in the abstract socket namespace: no file that a killed process would leave."""
    file = Path(database.place).stat()
    name = f"\0lemur2-{file.st_dev}-{file.st_ino}-{run_id}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as holder:
        try:
            holder.bind(name)
        except OSError:
            raise _taken(run_id) from None
        yield


@contextmanager
def _on_server(database: Database, run_id: int) -> Iterator[None]:
    """A session's advisory lock, on a connection of its own."""
    with database.engine.connect() as connection:
        query = sa.select(sa.func.pg_try_advisory_lock(_POSTGRES_CLASS, run_id))
        if not connection.execute(query).scalar():
            raise _taken(run_id)
        connection.commit()
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_POSTGRES_CLASS, run_id)))
            connection.commit()
