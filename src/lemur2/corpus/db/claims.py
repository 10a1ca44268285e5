"""What one process at a time may do: work on a run, carry out a command.

The system releases a claim when its holder dies.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from lemur2.corpus.db.database import Database
from lemur2.errors import UserError

_POSTGRES_RUN = 0x1E312  # tell our advisory locks from those of other programs
_POSTGRES_COMMAND = 0x1E313


@dataclass(frozen=True)
class Claim:
    """What is claimed: a number of a kind, as an advisory lock and as a socket's name have it."""

    kind: int
    number: int

    @classmethod
    def of_run(cls, run_id: int) -> Claim:
        """To work on a run."""
        return cls(_POSTGRES_RUN, run_id)

    @classmethod
    def of_command(cls, text: str) -> Claim:
        """To carry out a command, whatever run it becomes."""
        digest = hashlib.sha256(text.encode()).digest()
        return cls(_POSTGRES_COMMAND, int.from_bytes(digest[:4], "big") >> 1)

    def socket_name(self, database: Database) -> str:
        """In the abstract namespace: no file that a killed process would leave."""
        file = Path(database.place).stat()
        kind = "" if self.kind == _POSTGRES_RUN else "command-"
        return f"\0lemur2-{file.st_dev}-{file.st_ino}-{kind}{self.number}"


@contextmanager
def claimed(database: Database, claim: Claim, refusal: str) -> Iterator[None]:
    """Hold a claim.

    Raises:
        UserError: Another process holds it; with this text.
    """
    hold = _on_server if database.engine.dialect.name == "postgresql" else _on_machine
    with hold(database, claim, refusal):
        yield


def held(database: Database, claim: Claim) -> bool:
    """Whether a process holds a claim now."""
    if database.engine.dialect.name == "postgresql":
        query = sa.text(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND classid = :kind AND objid = :number AND objsubid = 2"
        )
        with database.read() as connection:
            values = {"kind": claim.kind, "number": claim.number}
            return bool(connection.execute(query, values).scalar())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(claim.socket_name(database))
        except ConnectionRefusedError:
            return False
        return True


@contextmanager
def _on_machine(database: Database, claim: Claim, refusal: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as holder:
        try:
            holder.bind(claim.socket_name(database))
        except OSError:
            raise UserError(refusal) from None
        yield


@contextmanager
def _on_server(database: Database, claim: Claim, refusal: str) -> Iterator[None]:
    """A session's advisory lock, on a connection of its own."""
    with database.engine.connect() as connection:
        query = sa.select(sa.func.pg_try_advisory_lock(claim.kind, claim.number))
        if not connection.execute(query).scalar():
            raise UserError(refusal)
        connection.commit()
        try:
            yield
        finally:
            unlock = sa.select(sa.func.pg_advisory_unlock(claim.kind, claim.number))
            connection.execute(unlock)
            connection.commit()
