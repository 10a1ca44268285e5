"""An open database: where it is, its engine, its version, and its errors in plain words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from lemur2.corpus.db.schema import REVISION, VERSION_TABLE, metadata
from lemur2.errors import UsageError, UserError

DEFAULT = "lemur2.db"
MIGRATIONS = Path(__file__).parents[1] / "migrations"
_MAGIC = b"SQLite format 3\0"
_CREATE = "create one with `lemur2 quickstart` or `lemur2 grow`, or name another with --db"
_ADVISORY_LOCK = 0x1E302  # any constant: serialises migrations of one PostgreSQL database

# What SQLite says, and what to say instead; anything else is a bug and escapes as it is.
_SQLITE_ERRORS = (
    ("database or disk is full", "the disk is full; this step was not stored: free some space"),
    ("disk I/O error", "the disk failed or a size limit was reached; this step was not stored"),
    ("is locked", "another process is writing to it; wait until it ends"),
    ("readonly database", "it is read-only; make the file and its folder writable"),
    ("file is not a database", "it is not an SQLite database; name another file with --db"),
    ("malformed", "it is corrupt; restore a copy, or name another file with --db"),
    ("unable to open database file", "it cannot be opened; look at the permissions of its folder"),
)


def locate(place: str | Path | None) -> URL:
    """The database that a path, an SQLAlchemy URL or None (`$LEMUR2_DB`, `lemur2.db`) names.

    Raises:
        UsageError: It looks like a URL but is not one that can be used.
    """
    text = str(place or os.environ.get("LEMUR2_DB") or DEFAULT)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UsageError(f"{text!r} is not a database URL; give a file or postgresql://…") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise UsageError("a corpus in memory is of no use; give a file")
    return url


class Database:
    """Transactions on one database. Threads may share it: each transaction has a connection."""

    def __init__(self, url: URL, *, create: bool, read_only: bool, timeout: float) -> None:
        """Open it, creating or upgrading its tables where `create` or an old version say so.

        `timeout` is how many seconds to wait for another process's transaction.
        """
        self.url = url
        self.read_only = read_only
        is_sqlite = url.get_backend_name() == "sqlite"
        self.place = str(url.database) if is_sqlite else url.render_as_string(hide_password=True)
        if is_sqlite:
            _check_file(Path(self.place), create=create, read_only=read_only)
        self.engine = self._engine(is_sqlite, timeout)
        try:
            self._prepare(create)
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._errors(), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":  # SQLite's transactions are always so
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is stored in whole when the block ends, or not at all."""
        if self.read_only:
            raise UserError(f"{self.place} was opened for reading only")
        with self._errors(), self.engine.connect() as connection:
            connection.execution_options(lemur2_write=True)
            with connection.begin():
                yield connection

    def _engine(self, is_sqlite: bool, timeout: float) -> Engine:
        try:
            if is_sqlite:
                return _sqlite_engine(Path(self.place), self.read_only, timeout)
            return sa.create_engine(self.url)
        except NoSuchModuleError:
            kind = self.url.drivername
            raise UsageError(
                f"no database {kind!r} is known; give a file or postgresql://…"
            ) from None
        except ModuleNotFoundError as error:
            remedy = "pip install 'lemur2[postgresql]'"
            raise UserError(f"{self.place} needs {error.name}; do `{remedy}`") from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            message = _explain(error)
            if message is None:
                raise
            raise UserError(f"{self.place}: {message}") from error

    def _prepare(self, create: bool) -> None:
        with self.read() as connection:
            revision = self._revision(connection)
        if revision == REVISION:
            return
        if revision is None and not (create and not self.read_only):
            raise UserError(f"{self.place} holds no corpus yet; {_CREATE}")
        if self.read_only:
            remedy = "any command that writes upgrades it"
            raise UserError(f"{self.place} is of an older version of lemur2; {remedy}")
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            if self._revision(connection) != REVISION:  # nobody else was quicker
                upgrade(connection)

    def _revision(self, connection: Connection) -> str | None:
        """The database's version, None where there are no tables at all."""
        tables = set(sa.inspect(connection).get_table_names())
        if VERSION_TABLE not in tables:
            foreign = (
                tables if connection.dialect.name == "sqlite" else tables & set(metadata.tables)
            )
            if foreign:
                raise UserError(
                    f"{self.place} is the database of another program; name another with --db"
                )
            return None
        revision = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))
        if revision not in (None, REVISION) and revision not in revisions():
            raise UserError(
                f"{self.place} was written by a newer version of lemur2 (schema {revision}); "
                "upgrade with `pip install -U lemur2`, or name another with --db"
            )
        return revision


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, in the caller's transaction."""
    from alembic import command

    config = _alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revisions() -> set[str]:
    """All revisions that this code knows."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_alembic_config())
    return {revision.revision for revision in script.walk_revisions()}


def _alembic_config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _check_file(path: Path, *, create: bool, read_only: bool) -> None:
    """Refuse a file that cannot be a corpus, before SQLite touches (or creates) it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a database; name a file with --db")
    if not path.exists():
        if read_only or not create:
            raise UserError(f"there is no corpus at {path}; {_CREATE}")
        if not path.parent.is_dir():
            raise UserError(
                f"there is no folder {path.parent} to create {path.name} in; make it first"
            )
    elif not os.access(path, os.R_OK):
        raise UserError(f"{path} cannot be read; look at its permissions")
    else:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
        if head not in (b"", _MAGIC):
            raise UserError(f"{path} is not an SQLite database; name another file with --db")
    if not read_only:
        _check_writable(path)


def _check_writable(path: Path) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise UserError(f"{path} is read-only; make it writable, or copy it and use --db")
    if not os.access(path.parent, os.W_OK):  # the journal is written beside the database
        raise UserError(f"the folder {path.parent} is read-only; make it writable")


def _sqlite_engine(path: Path, read_only: bool, timeout: float) -> Engine:
    def connect() -> sqlite3.Connection:
        uri = path.resolve().as_uri() + ("?mode=ro" if read_only else "?mode=rwc")
        if read_only and not os.access(path.parent, os.W_OK) and not _journal(path):
            uri += "&immutable=1"  # without its side files, which nobody can create there
        return sqlite3.connect(uri, uri=True, timeout=timeout, check_same_thread=False)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.QueuePool)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, see below
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -32768")
        if not read_only:
            # A killed process loses nothing under WAL; only a power cut may take the last
            # transactions with it, and never leaves the database inconsistent.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("lemur2_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _journal(path: Path) -> bool:
    """Whether a write-ahead log with content lies beside the database."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _explain(error: DBAPIError | sqlite3.Error) -> str | None:
    """A database error that a user can mend, in words; None for any other."""
    original = error.orig if isinstance(error, DBAPIError) else error
    text = str(original).strip()
    if isinstance(original, sqlite3.Error):
        return next((said for sign, said in _SQLITE_ERRORS if sign in text), None)
    if isinstance(error, OperationalError):
        return (text.splitlines() or ["it cannot be reached"])[0]
    return None
