"""The order of an import: networks, transforms, trials, device runs; each step a transaction.

Doing an import again is how it is resumed: every step looks at what is there, and skips it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from lemur2.corpus.db import codec
from lemur2.corpus.db.collector import paused_collector
from lemur2.corpus.db.schema import imports
from lemur2.corpus.importing.archives import Archive, open_archive
from lemur2.corpus.importing.devices import find_runs, read_runs, write_runs
from lemur2.corpus.importing.folders import (
    Trials,
    Writer,
    find_folders,
    fingerprint,
    read_folder,
)
from lemur2.corpus.importing.layout import Layout, read_layout
from lemur2.corpus.importing.networks import (
    Known,
    find_transforms,
    read_networks,
    read_transforms,
    write_networks,
    write_transforms,
)
from lemur2.corpus.importing.restore import is_export, restore
from lemur2.corpus.importing.summary import Summary
from lemur2.corpus.progress import Progress, silent
from lemur2.corpus.store import Corpus
from lemur2.errors import UserError

_NETWORKS = 250  # a transaction
_EPOCHS = 20_000  # a transaction, at least

_SHOWN = 100  # folders between two lines of progress


class Source:
    """An existing corpus, found to be one; `close` it, or use it as a context."""

    def __init__(self, path: str | Path) -> None:
        """Look at what is there.

        Args:
            path: A wheel or another zip archive, a folder that holds what one unpacks to, or a
                folder that `lemur2.corpus.exporting` wrote.

        Raises:
            UserError: It is no corpus.
        """
        self.path = Path(path)
        self.archive: Archive | None = None
        if not is_export(self.path):
            self.archive = open_archive(self.path)
            try:
                self.layout = read_layout(self.archive.entries, str(self.path.absolute()))
            except UserError:
                self.archive.close()
                raise

    def close(self) -> None:
        """Let go of the files."""
        if self.archive is not None:
            self.archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def import_corpus(
    corpus: Corpus, source: str | Path | Source, progress: Progress = silent
) -> Summary:
    """Read an existing corpus into an open one. Done again, it adds what is new.

    Args:
        corpus: Where to; open for writing.
        source: A path as `Source` takes it, or that.
        progress: Told how far it is.

    Returns:
        What was read, and what became of it. That of a killed import that was done again has in
        it what all of its parts did.

    Raises:
        UserError: The source is no corpus, or the database cannot be written.
    """
    if not isinstance(source, Source):
        with Source(source) as opened:
            return import_corpus(corpus, opened, progress)
    if source.archive is None:
        return restore(corpus, source.path, progress)
    with paused_collector():
        return _Import(corpus, source.archive, source.layout, progress).run()


def unfinished_imports(corpus: Corpus) -> list[str]:
    """Names and versions of the corpora whose import was killed, or is under way."""
    query = sa.select(imports.c.name, imports.c.version).where(imports.c.status == "running")
    with corpus.database.read() as connection:
        return [f"{name} {version}".strip() for name, version in connection.execute(query)]


class _Import:
    """One import under way.

    What is counted of things that are stored is kept with them (`stored`), so that an import that
    was killed goes on counting; everything else is counted anew (`seen`).
    """

    def __init__(
        self, corpus: Corpus, archive: Archive, layout: Layout, progress: Progress
    ) -> None:
        self.database = corpus.database
        self.archive = archive
        self.layout = layout
        self.progress = progress
        self.seen, self.stored = Summary(), Summary()
        self.import_id: int | None = None
        with self.database.read() as connection:
            self.known = Known.load(connection)
            self._find_unfinished(connection)
        self.before = dict(self.stored.counts["new"])

    def run(self) -> Summary:
        """Everything, in order."""
        self._networks()
        self._transforms()
        self._trials()
        self._devices()
        self.seen.add("noted", "files outside the layout", self.layout.other)
        summary = self._total()
        if self.import_id is not None:
            with self.database.write() as connection:
                self._save(connection, "finished", summary)
                self._supersede(connection)
        return summary

    def _total(self) -> Summary:
        """Both counts; what an earlier part of this import stored is not `unchanged`."""
        unchanged = self.seen.counts["unchanged"]
        for cause, count in self.before.items():
            unchanged[cause] = max(0, unchanged[cause] - count)
        self.seen.counts["unchanged"] = +unchanged
        self.seen.merge(self.stored)
        return self.seen

    def _find_unfinished(self, connection: Connection) -> None:
        """Go on with an import of this corpus that was killed."""
        mine = (imports.c.name == self.layout.name) & (imports.c.version == self.layout.version)
        query = sa.select(imports).where(mine, imports.c.status == "running")
        row = connection.execute(query).first()
        if row is not None:
            self.import_id = row.id
            self.stored = Summary.from_json(codec.from_json(row.summary))

    @contextmanager
    def _step(self) -> Iterator[tuple[Connection, int]]:
        """A transaction that stores something, what was counted of it, and the import's row."""
        try:
            with self.database.write() as connection:
                if self.import_id is None:
                    self.import_id = self._begin(connection)
                yield connection, self.import_id
                self._save(connection, "running", self.stored)
        except IntegrityError as error:  # what was looked up before is there twice now
            raise UserError(
                f"{self.database.place}: another process wrote to it during the import; "
                "wait until that ends and import again"
            ) from error

    def _begin(self, connection: Connection) -> int:
        now = time.time()
        inserted = connection.execute(
            sa.insert(imports).values(
                name=self.layout.name,
                version=self.layout.version,
                status="running",
                summary="{}",
                created=now,
                updated=now,
            )
        ).inserted_primary_key
        assert inserted is not None
        return int(inserted[0])

    def _supersede(self, connection: Connection) -> None:
        """Killed imports of other versions of this corpus need not be gone on with."""
        others = (imports.c.name == self.layout.name) & (imports.c.status == "running")
        connection.execute(sa.update(imports).where(others).values(status="superseded"))

    def _save(self, connection: Connection, status: str, summary: Summary) -> None:
        connection.execute(
            sa.update(imports)
            .where(imports.c.id == self.import_id)
            .values(status=status, summary=codec.to_json(summary.to_json()), updated=time.time())
        )

    def _networks(self) -> None:
        names = frozenset(self.layout.networks)
        todo = list(self.layout.networks.items())
        for start in range(0, len(todo), _NETWORKS):
            self.progress("networks", start, len(todo))
            batch = dict(todo[start : start + _NETWORKS])
            found, counted = read_networks(self.archive, batch, self.known, self.seen)
            if found:
                with self._step() as (connection, import_id):
                    self.stored.merge(counted)
                    write_networks(connection, found, self.known, names, import_id, self.stored)

    def _transforms(self) -> None:
        found = read_transforms(self.archive, self.layout.transforms, self.seen)
        with self.database.read() as connection:
            new = find_transforms(connection, found, self.known)
        self.seen.add("unchanged", "transforms", len(found) - len(new))
        if new:
            with self._step() as (connection, _):
                write_transforms(connection, new, self.known)
                self.stored.add("new", "transforms", len(new))

    def _trials(self) -> None:
        folders = find_folders(self.layout.epochs, self.known, self.seen)
        without = set(self.layout.networks) - {folder.network for folder in folders}
        self.seen.add("noted", "networks without trials", len(without))
        with self.database.read() as connection:
            writer = Writer(connection, self.known)
        batch: list[Trials] = []
        for done, folder in enumerate(folders):
            if done % _SHOWN == 0:
                self.progress("folders of trials", done, len(folders))
            mark = fingerprint(self.archive, folder.files)
            if writer.has(folder, mark):
                self.seen.add("unchanged", "folders of trials")
                continue
            batch.append(read_folder(self.archive, folder, mark))
            if sum(len(found.records) for found in batch) >= _EPOCHS:
                self._write(writer, batch)
                batch = []
        if batch:
            self._write(writer, batch)

    def _write(self, writer: Writer, batch: list[Trials]) -> None:
        with self._step() as (connection, import_id):
            writer.write(connection, batch, import_id, self.stored)

    def _devices(self) -> None:
        self.progress("device runs", 0, len(self.layout.devices))
        found = find_runs(self.layout.devices, self.known, self.seen)
        with self.database.read() as connection:
            new = read_runs(connection, self.archive, found, self.known, self.seen)
        if new:
            with self._step() as (connection, import_id):
                write_runs(connection, new, import_id)
                self.stored.add("new", "device runs", len(new))
