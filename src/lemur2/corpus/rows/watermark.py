"""How much of a corpus a run sees: the rows that were there when it began, as they stood then.

A run must give the same again, and the same after it was killed, though the corpus has grown
meanwhile, by the run itself or by others. The newest ids of that moment bound what it reads. Rows
below them do not change, but for three kinds: trials and attempts of transforms that somebody had
under way, which are listed, and networks that are screened later, whose screenings are numbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus.db.schema import architectures, attempts, trials


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """The newest rows that a run sees. Kept in the ledger, in the run's config.

    Attributes:
        architecture, trial, attempt: Newest ids; 0 for none.
        screening: Number of the newest screening of a network that was stored without (see
            `schema.architectures`); 0 for none.
        open_trials, open_attempts: Ids up to the newest that had not ended yet.
    """

    architecture: int = 0
    trial: int = 0
    attempt: int = 0
    screening: int = 0
    open_trials: Sequence[int] = ()
    open_attempts: Sequence[int] = ()

    @property
    def networks(self) -> sa.ColumnElement[bool]:
        """Condition: architectures that it sees."""
        return architectures.c.id <= self.architecture

    @property
    def screened(self) -> sa.ColumnElement[bool]:
        """Condition: architectures whose facts it sees."""
        seen = sa.func.coalesce(architectures.c.screening, 0) <= self.screening
        return self.networks & seen & architectures.c.structure_digest.is_not(None)

    @property
    def trials(self) -> sa.ColumnElement[bool]:
        """Condition: trials that it sees."""
        return (trials.c.id <= self.trial) & trials.c.id.not_in(list(self.open_trials))

    @property
    def attempts(self) -> sa.ColumnElement[bool]:
        """Condition: attempts at transforms that it sees."""
        return (attempts.c.id <= self.attempt) & attempts.c.id.not_in(list(self.open_attempts))


def now(connection: Connection, *, writing: bool) -> Watermark:
    """The watermark of this moment.

    SQLite has one writer at a time. PostgreSQL has many, and a row may become visible after one
    with a higher id: in a transaction that is `writing`, those that are at it are waited for.
    """
    if writing and connection.dialect.name == "postgresql":
        tables = ", ".join(table.name for table in (architectures, trials, attempts))
        connection.execute(sa.text(f"LOCK TABLE {tables} IN SHARE MODE"))
    return Watermark(
        architecture=_newest(connection, architectures.c.id),
        trial=_newest(connection, trials.c.id),
        attempt=_newest(connection, attempts.c.id),
        screening=_newest(connection, architectures.c.screening),
        open_trials=_open(connection, trials, trials.c.verdict.is_(None)),
        open_attempts=_open(
            connection, attempts, attempts.c.verdict.is_(None) & (attempts.c.kind == "transform")
        ),
    )


def _newest(connection: Connection, column: sa.ColumnElement[int]) -> int:
    return connection.scalar(sa.select(sa.func.max(column))) or 0


def _open(
    connection: Connection, table: sa.Table, where: sa.ColumnElement[bool]
) -> tuple[int, ...]:
    return tuple(connection.scalars(sa.select(table.c.id).where(where).order_by(table.c.id)))
