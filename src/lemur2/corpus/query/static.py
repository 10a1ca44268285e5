"""What sources tell about their networks (`architecture.facts`), read once and kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.architecture import Refusal
from lemur2.architecture.facts import VERSION, StaticFacts, static_facts
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, sources
from lemur2.corpus.db.schema import static_facts as table
from lemur2.corpus.store import Corpus

_BATCH = 500  # rows read, and facts stored in one transaction


def all_static_facts(
    corpus: Corpus, names: Collection[str] | None = None
) -> dict[str, StaticFacts | None]:
    """The static facts of a corpus's networks by name; None of those that do not parse.

    What was not read yet is read now (about 3 ms a network), and stored where the corpus is open
    for writing.

    Args:
        corpus: Where the networks are.
        names: Only these; None for all.
    """
    with corpus.database.read() as connection:
        found = dict(_stored(connection))
        missing = connection.execute(
            sa.select(architectures.c.id, architectures.c.name).where(
                architectures.c.id.not_in(
                    sa.select(table.c.architecture_id).where(table.c.version == VERSION)
                )
            )
        ).all()
    todo = [(row.id, row.name) for row in missing if names is None or row.name in names]
    for start in range(0, len(todo), _BATCH):
        found.update(_read(corpus, dict(todo[start : start + _BATCH])))
    return found if names is None else {name: found[name] for name in names if name in found}


def _stored(connection: Connection) -> Iterator[tuple[str, StaticFacts | None]]:
    query = (
        sa.select(architectures.c.name, table.c.facts)
        .join(table, table.c.architecture_id == architectures.c.id)
        .where(table.c.version == VERSION)
    )
    for name, text in connection.execute(query):
        values = codec.from_json(text)
        yield name, None if values is None else StaticFacts.from_json(values)


def _read(corpus: Corpus, ids: dict[int, str]) -> dict[str, StaticFacts | None]:
    query = (
        sa.select(architectures.c.id, sources.c.text)
        .join(sources, sources.c.id == architectures.c.source_id)
        .where(architectures.c.id.in_(list(ids)))
    )
    with corpus.database.read() as connection:
        texts = connection.execute(query).tuples().all()
    found = {key: _facts(codec.decode_text(text)) for key, text in texts}
    if not corpus.database.read_only:
        _store(corpus, found)
    return {ids[key]: facts for key, facts in found.items()}


def _facts(source: str) -> StaticFacts | None:
    try:
        return static_facts(source)
    except Refusal:
        return None


def _store(corpus: Corpus, found: dict[int, StaticFacts | None]) -> None:
    rows = [
        {
            "architecture_id": key,
            "version": VERSION,
            "facts": codec.to_json(None if facts is None else facts.to_json()),
        }
        for key, facts in found.items()
    ]
    with corpus.database.write() as connection:
        connection.execute(sa.delete(table).where(table.c.architecture_id.in_(list(found))))
        connection.execute(sa.insert(table), rows)
