"""The library of validated blocks: one SQLite file that generators and people read."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lemur2.errors import UserError
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.retrieval.library.words import identifiers
from lemur2.retrieval.values import Block, Extracted

VERSION = 1
_SCHEMA = """
create table if not exists blocks (
    id integer primary key autoincrement, name text not null, qualified_name text not null unique,
    origin text not null, version text not null, licence text not null, category text not null,
    docstring text not null, signature text not null, source text not null,
    class_name text not null, stage text not null, digest text not null, found text not null);
create index if not exists by_name on blocks (name);
create virtual table if not exists words using fts5 (
    name, category, docstring, code, tokenize = 'porter unicode61');
create table if not exists vectors (
    block integer primary key references blocks on delete cascade, vector blob not null);
create table if not exists settings (
    origin text not null, version text not null, name text not null, found text not null,
    primary key (origin, version, name));
"""
_COLUMNS = (
    *("name", "qualified_name", "origin", "version", "licence", "category", "docstring"),
    *("signature", "source", "class_name"),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A block of the library.

    Attributes:
        id: Its number; later entries have higher ones.
        name, qualified_name, origin, version, licence, category, docstring: See `Block`.
        signature: `Name(parameters)`, as the origin writes it.
        source: The module that stands alone; "" where the block was refused.
        class_name: What the block is called in `source`.
        validation: How far it got.
        digest: Of all of this but the number and the seconds.
    """

    id: int
    name: str
    qualified_name: str
    origin: str
    version: str
    licence: str
    category: str
    docstring: str
    signature: str
    source: str
    class_name: str
    validation: Validation
    digest: str


class BlockLibrary:
    """Reads and writes a library. A context manager; for one thread.

    Args:
        path: Its file.
        create: Make it where it is not there.

    Raises:
        UserError: It is not there, or is no library.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and not path.is_file():
            raise UserError(
                f"there is no block library at {path}; `lemur2 blocks extract --all` makes one"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30.0)
            self._db.row_factory = sqlite3.Row
            self._db.execute("pragma foreign_keys = on")
            if create:
                self._make()
            found = self._db.execute("pragma user_version").fetchone()[0]
        except (OSError, sqlite3.DatabaseError) as error:
            raise UserError(f"cannot use {path} as a block library: {error}") from error
        if found != VERSION:
            raise UserError(f"{path} is no block library of this version; choose another file")

    def _make(self) -> None:
        self._db.execute("pragma journal_mode = wal")
        self._db.executescript(_SCHEMA)
        if self._db.execute("pragma user_version").fetchone()[0] == 0:
            self._db.execute(f"pragma user_version = {VERSION}")
        self._db.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def settle(self) -> None:
        """Have everything in the one file, so that it can be moved."""
        self._db.execute("pragma journal_mode = delete")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, block: Block, extracted: Extracted | None, validation: Validation) -> Entry:
        """Put a block on the shelf, in one transaction; what is there already stays as it is.

        A block whose text or validation changed is taken out and put in anew, under a new number.
        """
        row = _row(block, extracted)
        digest = _digest(row, validation)
        old = self.find(block.qualified_name)
        if old is not None and old.digest == digest:
            return old
        with self._db:
            if old is not None:
                self._db.execute("delete from blocks where id = ?", (old.id,))
                self._db.execute("delete from words where rowid = ?", (old.id,))
            values = [row[name] for name in _COLUMNS]
            values += [validation.stage.value, digest, json.dumps(asdict(validation))]
            marks = ", ".join("?" * len(values))
            cursor = self._db.execute(
                f"insert into blocks ({', '.join(_COLUMNS)}, stage, digest, found) "
                f"values ({marks})",
                values,
            )
            self._db.execute(
                "insert into words (rowid, name, category, docstring, code) values (?, ?, ?, ?, ?)",
                (
                    cursor.lastrowid,
                    f"{block.name} {identifiers(block.name)}",
                    block.category,
                    block.docstring,
                    identifiers(row["source"]),
                ),
            )
        found = self.find(block.qualified_name)
        assert found is not None
        return found

    def find(self, qualified_name: str) -> Entry | None:
        """The block of this qualified name."""
        query = "select * from blocks where qualified_name = ?"
        row = self._db.execute(query, (qualified_name,)).fetchone()
        return None if row is None else _entry(row)

    def named(self, name: str) -> list[Entry]:
        """The blocks of this name, qualified or not."""
        query = "select * from blocks where name = ? or qualified_name = ? order by qualified_name"
        return [_entry(row) for row in self._db.execute(query, (name, name))]

    def get(self, number: int) -> Entry:
        """The block of this number, which is there."""
        return _entry(self._db.execute("select * from blocks where id = ?", (number,)).fetchone())

    def entries(
        self,
        *,
        at_least: Stage = Stage.REFUSED,
        category: str | None = None,
        origin: str | None = None,
        upto: int | None = None,
    ) -> Iterator[Entry]:
        """Blocks by number, of those that passed a stage."""
        stages = [stage.value for stage in Stage if stage.reaches(at_least)]
        query = f"select * from blocks where stage in ({', '.join('?' * len(stages))})"
        values: list[Any] = list(stages)
        for column, value in (("category", category), ("origin", origin)):
            if value is not None:
                query += f" and {column} = ?"
                values.append(value)
        if upto is not None:
            query += " and id <= ?"
            values.append(upto)
        for row in self._db.execute(query + " order by id", values):
            yield _entry(row)

    def counts(self) -> dict[tuple[str, str, str], int]:
        """How many blocks there are of each origin, category and stage."""
        query = (
            "select origin, category, stage, count(*) from blocks group by 1, 2, 3 order by 1, 2, 3"
        )
        return {(row[0], row[1], row[2]): row[3] for row in self._db.execute(query)}

    @property
    def last(self) -> int:
        """The highest number; 0 where there is no block."""
        return int(self._db.execute("select coalesce(max(id), 0) from blocks").fetchone()[0])

    def digest(self, upto: int) -> str:
        """Hex digest of the blocks up to a number: what a run that began with them relies on."""
        rows = self._db.execute("select digest from blocks where id <= ? order by id", (upto,))
        return hashlib.sha256("\n".join(row[0] for row in rows).encode()).hexdigest()

    def words(self, query: str, limit: int) -> list[tuple[int, float]]:
        """Numbers of the blocks that match an FTS5 query, with BM25 (lower is better)."""
        rows = self._db.execute(
            "select rowid, bm25(words, 10.0, 4.0, 3.0, 1.0) as rank from words "
            "where words match ? order by rank, rowid limit ?",
            (query, limit),
        )
        return [(row[0], row[1]) for row in rows]

    def vectors(self) -> list[tuple[int, bytes]]:
        """The embeddings that are stored, by number."""
        return [(r[0], r[1]) for r in self._db.execute("select * from vectors order by block")]

    def keep_vectors(self, vectors: Mapping[int, bytes]) -> None:
        """Store embeddings."""
        with self._db:
            self._db.executemany("insert or replace into vectors values (?, ?)", vectors.items())

    def keep_settings(
        self, origin: str, version: str, found: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Store the default values of an origin's configuration classes, by qualified name."""
        rows = [(origin, version, name, json.dumps(values)) for name, values in found.items()]
        rows.append((origin, version, "", "{}"))  # that it was looked at
        with self._db:
            self._db.executemany("insert or replace into settings values (?, ?, ?, ?)", rows)

    def settings(self, origin: str, version: str) -> dict[str, Any] | None:
        """Those of an origin; None where it was not looked at."""
        query = "select name, found from settings where origin = ? and version = ? order by name"
        rows = self._db.execute(query, (origin, version)).fetchall()
        return {row[0]: json.loads(row[1]) for row in rows if row[0]} if rows else None


def signature(block: Block) -> str:
    """`Name(parameters)` as it is written."""
    parts = []
    for each in block.parameters:
        stars = {"args": "*", "kwargs": "**"}.get(each.kind, "")
        annotation = f": {each.annotation}" if each.annotation else ""
        parts.append(
            f"{stars}{each.name}{annotation}" + (f"={each.default}" if each.default else "")
        )
    return f"{block.name}({', '.join(parts)})"


def _row(block: Block, extracted: Extracted | None) -> dict[str, str]:
    return {
        **{name: getattr(block, name) for name in _COLUMNS[:7]},
        "signature": signature(block),
        "source": extracted.source if extracted else "",
        "class_name": extracted.class_name if extracted else block.name,
    }


def _digest(row: Mapping[str, str], validation: Validation) -> str:
    found = {**asdict(validation), "seconds": 0}
    return hashlib.sha256(json.dumps([dict(row), found], sort_keys=True).encode()).hexdigest()


def _entry(row: sqlite3.Row) -> Entry:
    found = json.loads(row["found"])
    named: Sequence[str] = [f.name for f in fields(Entry) if f.name != "validation"]
    return Entry(**{name: row[name] for name in named}, validation=_validation(found))


def _validation(found: Mapping[str, Any]) -> Validation:
    shapes = {name: tuple(shape) for name, shape in found["shapes"].items()}
    outputs = tuple(tuple(shape) for shape in found["outputs"])
    values = {**found, "stage": Stage(found["stage"]), "shapes": shapes, "outputs": outputs}
    return Validation(**values)
