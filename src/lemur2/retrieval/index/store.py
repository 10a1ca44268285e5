"""FileIndexStore: the content-addressed index of sources (paper, section 9.3.1)."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lemur2.errors import UsageError, UserError
from lemur2.retrieval.index import indexing
from lemur2.retrieval.sources import listing
from lemur2.retrieval.values import Origin

_VERSION = 2  # of the tables and of what the parser keeps: an index of another one is made anew

_TABLES = """
CREATE TABLE origins (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, spec TEXT NOT NULL, version TEXT NOT NULL,
    licence TEXT NOT NULL, root TEXT NOT NULL, packages TEXT NOT NULL);
CREATE TABLE sources (sha1 TEXT PRIMARY KEY, text BLOB NOT NULL, error TEXT) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY, origin_id INTEGER NOT NULL REFERENCES origins(id) ON DELETE CASCADE,
    path TEXT NOT NULL, module TEXT NOT NULL, is_package INTEGER NOT NULL,
    sha1 TEXT NOT NULL, UNIQUE (origin_id, path));
CREATE INDEX files_module ON files (module);
CREATE INDEX files_sha1 ON files (sha1);
CREATE TABLE symbols (
    sha1 TEXT NOT NULL, qualname TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    line INTEGER NOT NULL, end_line INTEGER NOT NULL, detail TEXT);
CREATE INDEX symbols_sha1 ON symbols (sha1);
CREATE INDEX symbols_name ON symbols (name) WHERE kind IN ('class', 'function');
CREATE TABLE imports (
    sha1 TEXT NOT NULL, line INTEGER NOT NULL, scope TEXT NOT NULL, module TEXT NOT NULL,
    level INTEGER NOT NULL, name TEXT, bound TEXT NOT NULL, conditional INTEGER NOT NULL,
    typing_only INTEGER NOT NULL);
CREATE INDEX imports_sha1 ON imports (sha1);
CREATE TABLE calls (
    sha1 TEXT NOT NULL, name TEXT NOT NULL, chain TEXT NOT NULL, arguments TEXT NOT NULL);
CREATE INDEX calls_sha1 ON calls (sha1);
CREATE INDEX calls_name ON calls (name);
"""


@dataclass(frozen=True, kw_only=True)
class Update:
    """What an update did.

    Attributes:
        files: Files that the origin has now.
        parsed: Texts that had to be parsed; the others were known by their SHA-1.
        removed: Files that are gone.
        problems: A line for every file that could not be read.
    """

    files: int
    parsed: int
    removed: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class IndexedFile:
    """A file in the index. `path` is relative to its origin's root."""

    origin: str
    path: str
    module: str
    is_package: bool
    sha1: str


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A definition in the index.

    Attributes:
        module: The module that defines it.
        qualname: Its name within the module (`Outer.method`).
        name: The last part.
        kind: `class`, `function`, `method` or `variable` (of the top level).
        line: First line, decorators included.
        end_line: Last line.
        origin: The origin's name.
        path: The file.
        detail: For classes: bases, decorators, methods, abstract, doc, signatures.
    """

    module: str
    qualname: str
    name: str
    kind: str
    line: int
    end_line: int
    origin: str
    path: str
    detail: dict[str, Any] | None

    @property
    def qualified_name(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.qualname}"


class FileIndexStore:
    """An SQLite file with the texts of all origins, their symbols, imports and calls.

    A text is stored and parsed once, under the SHA-1 of its bytes, whatever files have it; an
    update reads and hashes every file of an origin, and parses those whose SHA-1 is new. One
    process writes at a time; any number may read. An index that another version of lemur2 wrote
    is made anew.

    Args:
        path: The file; made where it is missing, its folder too.
        workers: Processes that parse; by default as many as there are cores, at most 8.
    """

    def __init__(self, path: Path, *, workers: int | None = None) -> None:
        self.path = path
        self._workers = workers or min(os.cpu_count() or 1, 8)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = _open(path)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def update(self, origin: Origin) -> Update:
        """Bring one origin up to date: all of it or, when interrupted, nothing.

        An origin of that name with other sources is replaced.

        Raises:
            UserError: The sources cannot be read.
        """
        try:
            return self._update(origin)
        except OSError as error:
            raise UserError(f"{origin.spec} cannot be read: {error}") from error

    def _update(self, origin: Origin) -> Update:
        problems: list[str] = []
        hashed = list(self._hashed(origin, problems))
        known = {row[0] for row in self.connection.execute("SELECT sha1 FROM sources")}
        fresh = {sha1: origin.root / file.path for file, sha1 in hashed if sha1 not in known}
        with self.connection:
            origin_id = self._write_origin(origin)
            for parsed in indexing.parse_all(fresh, self._workers):
                self._write_parsed(parsed)
            removed = self._write_files(origin_id, hashed)
            self._drop_unused()
        problems += self._errors(origin_id)
        return Update(
            files=len(hashed), parsed=len(fresh), removed=removed, problems=tuple(problems)
        )

    def origins(self) -> list[Origin]:
        """What has been indexed, by name."""
        rows = self.connection.execute(
            "SELECT name, spec, version, licence, root, packages FROM origins ORDER BY name"
        )
        return [
            Origin(
                name=name,
                spec=spec,
                version=version,
                licence=licence,
                root=Path(root),
                packages=tuple(json.loads(packages)),
            )
            for name, spec, version, licence, root, packages in rows
        ]

    def origin(self, name: str) -> Origin:
        """The origin of that name.

        Raises:
            UsageError: There is none.
        """
        for origin in self.origins():
            if origin.name == name:
                return origin
        raise UsageError(f"no origin {name!r} in {self.path}; `lemur2 blocks index` adds one")

    def remove(self, name: str) -> None:
        """Forget an origin; nothing happens where there is none of that name."""
        with self.connection:
            self.connection.execute("DELETE FROM origins WHERE name = ?", (name,))
            self._drop_unused()

    def files(self, origin: str | None = None) -> list[IndexedFile]:
        """The files of one origin, or of all."""
        rows = self.connection.execute(
            "SELECT o.name, f.path, f.module, f.is_package, f.sha1 FROM files f "
            "JOIN origins o ON o.id = f.origin_id WHERE ? IS NULL OR o.name = ? ORDER BY f.id",
            (origin, origin),
        )
        return [
            IndexedFile(origin=o, path=path, module=module, is_package=bool(package), sha1=sha1)
            for o, path, module, package, sha1 in rows
        ]

    def text(self, sha1: str) -> str:
        """The text of a file by its SHA-1, line ends as `\\n`."""
        row = self.connection.execute("SELECT text FROM sources WHERE sha1 = ?", (sha1,)).fetchone()
        return zlib.decompress(row[0]).decode("utf-8", "surrogatepass")

    def symbols(
        self, *, name: str | None = None, kind: str | None = None, origin: str | None = None
    ) -> Iterator[Symbol]:
        """Definitions, nested ones too, in the order of their files."""
        rows = self.connection.execute(
            "SELECT f.module, s.qualname, s.name, s.kind, s.line, s.end_line, o.name, f.path, "
            "s.detail FROM symbols s JOIN files f ON f.sha1 = s.sha1 "
            "JOIN origins o ON o.id = f.origin_id WHERE (?1 IS NULL OR s.name = ?1) "
            "AND (?2 IS NULL OR s.kind = ?2) AND (?3 IS NULL OR o.name = ?3) "
            "ORDER BY f.id, s.line",
            (name, kind, origin),
        )
        for module, qualname, own, what, line, end, origin_name, path, detail in rows:
            yield Symbol(
                module=module,
                qualname=qualname,
                name=own,
                kind=what,
                line=line,
                end_line=end,
                origin=origin_name,
                path=path,
                detail=json.loads(detail) if detail else None,
            )

    def calls(self, name: str, origin: str) -> list[tuple[str, str, str]]:
        """Calls of what has that name: module, what is called there, arguments as JSON."""
        rows = self.connection.execute(
            "SELECT f.module, c.chain, c.arguments FROM calls c JOIN files f ON f.sha1 = c.sha1 "
            "JOIN origins o ON o.id = f.origin_id WHERE c.name = ? AND o.name = ? ORDER BY f.id",
            (name, origin),
        )
        return list(rows)

    def _hashed(self, origin: Origin, problems: list[str]) -> Iterator[tuple[listing.Listed, str]]:
        for file in listing.list_files(origin):
            if file.size > listing.MAX_BYTES:
                problems.append(
                    f"{file.path}: left out, {file.size / 2**20:.1f} MB are more than "
                    f"{listing.MAX_BYTES >> 20} MB"
                )
                continue
            content = (origin.root / file.path).read_bytes()
            yield file, hashlib.sha1(content, usedforsecurity=False).hexdigest()

    def _write_origin(self, origin: Origin) -> int:
        values = (
            origin.name,
            origin.spec,
            origin.version,
            origin.licence,
            str(origin.root),
            json.dumps(origin.packages),
        )
        self.connection.execute(
            "INSERT INTO origins (name, spec, version, licence, root, packages) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, "
            "version = excluded.version, licence = excluded.licence, root = excluded.root, "
            "packages = excluded.packages",
            values,
        )
        row = self.connection.execute("SELECT id FROM origins WHERE name = ?", (origin.name,))
        return int(row.fetchone()[0])

    def _write_parsed(self, parsed: indexing.Parsed) -> None:
        self.connection.execute(
            "INSERT INTO sources VALUES (?, ?, ?)", (parsed.sha1, parsed.text, parsed.error)
        )
        self.connection.executemany(
            "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(parsed.sha1, *symbol) for symbol in parsed.symbols],
        )
        self.connection.executemany(
            "INSERT INTO imports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(parsed.sha1, *imported) for imported in parsed.imports],
        )
        self.connection.executemany(
            "INSERT INTO calls VALUES (?, ?, ?, ?)",
            [(parsed.sha1, *call) for call in parsed.calls],
        )

    def _write_files(self, origin_id: int, hashed: list[tuple[listing.Listed, str]]) -> int:
        rows = self.connection.execute("SELECT path FROM files WHERE origin_id = ?", (origin_id,))
        gone = {row[0] for row in rows} - {file.path for file, _ in hashed}
        self.connection.executemany(
            "DELETE FROM files WHERE origin_id = ? AND path = ?",
            [(origin_id, path) for path in gone],
        )
        self.connection.executemany(
            "INSERT INTO files (origin_id, path, module, is_package, sha1) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (origin_id, path) DO UPDATE SET module = excluded.module, "
            "is_package = excluded.is_package, sha1 = excluded.sha1",
            [(origin_id, f.path, f.module, f.is_package, sha1) for f, sha1 in hashed],
        )
        return len(gone)

    def _drop_unused(self) -> None:
        for table in ("sources", "symbols", "imports", "calls"):
            self.connection.execute(
                f"DELETE FROM {table} WHERE sha1 NOT IN (SELECT sha1 FROM files)"
            )

    def _errors(self, origin_id: int) -> list[str]:
        rows = self.connection.execute(
            "SELECT f.path, s.error FROM files f JOIN sources s ON s.sha1 = f.sha1 "
            "WHERE f.origin_id = ? AND s.error IS NOT NULL ORDER BY f.path",
            (origin_id,),
        )
        return [f"{path}: {error}" for path, error in rows]


def renamed(origin: Origin, name: str) -> Origin:
    """The same sources under another name, for two versions of one library in one index."""
    return replace(origin, name=name)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60.0)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA foreign_keys = ON")
        if version != _VERSION:
            _make(connection)
    except sqlite3.OperationalError as error:
        raise UserError(
            f"the index {path} cannot be used ({error}); make room, or name another with --index"
        ) from error
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path} is no index of blocks ({error}); move it away") from error
    return connection


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    with connection:
        for (name,) in rows:
            if not name.startswith("sqlite_"):
                connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        for statement in _TABLES.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
