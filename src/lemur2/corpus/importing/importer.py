"""The order of an import: networks, transforms, trials, device runs; each step a transaction.

Doing an import again is how it is resumed: every step looks at what is there, and skips it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.corpus import codec
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
from lemur2.corpus.importing.summary import Summary
from lemur2.corpus.schema import imports
from lemur2.corpus.store import Corpus

Progress = Callable[[str, int, int], None]
"""Called with what is read, how many are done, and how many there are."""

_NETWORKS = 250  # a transaction
_EPOCHS = 20_000  # a transaction, at least

_SHOWN = 100  # folders between two lines of progress


def import_corpus(corpus: Corpus, source: str | Path, progress: Progress | None = None) -> Summary:
    """Read a corpus in the field's layout into an open one.

    Args:
        corpus: Where to; open for writing.
        source: A wheel or another zip archive, or a folder that holds what one unpacks to.
        progress: Told how far it is.

    Returns:
        What was read, and what became of it. A killed import that was done again has in it what
        all of its parts did.

    Raises:
        UserError: The source is no corpus, or the database cannot be written.
    """
    archive = open_archive(Path(source))
    try:
        layout = read_layout(archive.entries, str(Path(source).absolute()))
        with _without_collector():
            return _Import(corpus, archive, layout, progress or _silent).run()
    finally:
        archive.close()


def _silent(what: str, done: int, total: int) -> None:
    pass


@contextmanager
def _without_collector() -> Iterator[None]:
    """No garbage collection: syntax trees and JSON hold no cycles, and it would search them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
        with self.database.write() as connection:
            if self.import_id is None:
                self.import_id = self._begin(connection)
            yield connection, self.import_id
            self._save(connection, "running", self.stored)

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
