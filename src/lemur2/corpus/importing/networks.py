"""Networks and transforms of a source into the corpus, in the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lemur2.architecture import (
    Architecture,
    Refusal,
    Verdict,
    canonical_digest,
    content_name,
    decode_source,
    whitespace_md5,
)
from lemur2.corpus.db import codec
from lemur2.corpus.db.schema import architectures, lineage, sources, transforms
from lemur2.corpus.importing.archives import Archive, Damaged, Entry
from lemur2.corpus.importing.naming import read_name
from lemur2.corpus.importing.summary import Summary
from lemur2.corpus.rows.architectures import ensure_transform, insert_new, reserve_ids
from lemur2.paths import is_name

MAX_SOURCE = 2 << 20
"""Bytes of the longest source file that is stored; the longest of 10,459 has 178,000."""


@dataclass
class Known:
    """What the corpus has, by the names that sources use; kept in step while importing.

    Attributes:
        imported: Id and SHA-256 of each network that an import stored, by its legacy name.
        own: Digest of each network that this corpus grew, by name.
        transforms: Ids by name, of the text that trials are to refer to.
    """

    imported: dict[str, tuple[int, str]] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    transforms: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: Connection) -> Known:
        """What is there."""
        made = cls()
        columns = architectures.c
        query = sa.select(
            columns.id, columns.name, columns.legacy_name, columns.digest, sources.c.sha256
        ).join(sources, sources.c.id == columns.source_id)
        for key, name, legacy_name, digest, sha256 in connection.execute(query):
            if legacy_name is None:
                made.own[name] = digest
            else:
                made.imported[legacy_name] = (key, sha256)
        return made


@dataclass(frozen=True)
class Read:
    """A network's file, read and parsed as far as it goes."""

    legacy_name: str
    source: str
    sha256: str
    digest: str
    hyperparameters: str | None  # JSON
    flagged: str | None


def read_networks(
    archive: Archive, entries: dict[str, Entry], known: Known, seen: Summary
) -> tuple[list[Read], Summary]:
    """Read those networks that the corpus does not have; what was counted of those.

    The others, and those that are refused, are counted in `seen`.
    """
    made, counted = [], Summary()
    for name, entry in entries.items():
        seen.add("read", "networks")
        source = read_source(archive, name, entry, seen)
        if source is None:
            continue
        sha256 = codec.sha256(codec.encode_text(source))
        stored = known.imported.get(name)
        if stored is None:
            made.append(_parse(name, source, sha256, counted))
        elif stored[1] == sha256:
            seen.add("unchanged", "networks")
        else:
            cause = "another text than the network stored under this name, which stays"
            seen.add("refused", f"network: {cause}", example=name)
    return made, counted


def read_source(archive: Archive, name: str, entry: Entry, summary: Summary) -> str | None:
    """A source file's text; None where it is refused, which is counted."""
    cause = None
    if not is_name(name):
        cause = "a name that cannot be stored"
    elif entry.size > MAX_SOURCE:
        cause = f"larger than {MAX_SOURCE >> 20} MB"
    else:
        try:
            return decode_source(archive.read(entry))
        except Refusal:
            cause = "not UTF-8 text"
        except Damaged as error:
            cause = str(error)
    summary.add("refused", f"source file: {cause}", example=entry.path)
    return None


def _parse(name: str, source: str, sha256: str, summary: Summary) -> Read:
    digest, declared, flagged = "", None, None
    try:
        parsed = Architecture.parse(source, name=name)
        digest = parsed.digest
        if parsed.hyperparameters is not None:
            declared = codec.to_json(sorted(parsed.hyperparameters))
        if parsed.warnings:
            summary.add("noted", "networks that deviate from the contract, tolerably")
    except Refusal as refusal:
        flagged = codec.plain(str(refusal))
        if refusal.verdict is not Verdict.SYNTAX:
            digest = canonical_digest(source)
        cause = "does not parse" if not digest else "does not keep the contract"
        summary.add("flagged", f"network {cause}", example=f"{name}: {flagged}")
    if "\r\n" in source:
        summary.add("noted", "networks with CRLF line ends")
    return Read(name, source, sha256, digest, declared, flagged)


def write_networks(
    connection: Connection,
    found: Iterable[Read],
    known: Known,
    names: frozenset[str],
    import_id: int,
    summary: Summary,
) -> None:
    """Store what was read. `names` are all networks of the source: a parent may be any of them."""
    found = [read for read in found if read.legacy_name not in known.imported]
    texts = {read.sha256: codec.encode_text(read.source) for read in found}
    insert_new(connection, sources, [{"sha256": key, "text": texts[key]} for key in texts])
    query = sa.select(sources.c.sha256, sources.c.id).where(sources.c.sha256.in_(list(texts)))
    source_ids = dict(connection.execute(query).tuples().all())
    rows, parents = [], []
    for key, read in zip(reserve_ids(connection, architectures, len(found)), found, strict=True):
        told = read_name(read.legacy_name, names)
        rows.append(
            {
                "id": key,
                "name": _name(read, known, summary),
                "legacy_name": read.legacy_name,
                "family": told.family,
                "prefix": told.prefix,
                "digest": read.digest,
                "whitespace_md5": whitespace_md5(read.source),
                "source_id": source_ids[read.sha256],
                "hyperparameters": read.hyperparameters,
                "flagged": read.flagged,
                "created": time.time(),
                "import_id": import_id,
            }
        )
        if told.parent is not None:
            parents.append({"child_id": key, "parent": told.parent})
        known.imported[read.legacy_name] = (key, read.sha256)
    if rows:
        connection.execute(sa.insert(architectures), rows)
        insert_new(connection, lineage, parents)
    summary.add("new", "networks", len(rows))
    summary.add("new", "parents told by names", len(parents))


def _name(read: Read, known: Known, summary: Summary) -> str:
    """The legacy name, or where a network of our own has it, that and the digest of the text."""
    if read.legacy_name not in known.own:
        return read.legacy_name
    name = content_name(read.legacy_name, read.source)
    cause = "network renamed: this corpus's own has its name"
    summary.add("fixed", cause, example=f"{read.legacy_name} -> {name}")
    return name


def read_transforms(archive: Archive, entries: dict[str, Entry], seen: Summary) -> dict[str, str]:
    """The texts of transforms, by name."""
    found = {}
    for name, entry in entries.items():
        seen.add("read", "transforms")
        source = read_source(archive, name, entry, seen)
        if source is not None:
            found[name] = source
    return found


def find_transforms(connection: Connection, found: dict[str, str], known: Known) -> dict[str, str]:
    """Those transforms that the corpus does not have; the ids of the others become known."""
    query = sa.select(transforms.c.id, transforms.c.name, sources.c.sha256).join(
        sources, sources.c.id == transforms.c.source_id
    )
    stored = {(name, sha256): key for key, name, sha256 in connection.execute(query)}
    new = {}
    for name, source in found.items():
        key = stored.get((name, codec.sha256(codec.encode_text(source))))
        if key is None:
            new[name] = source
        else:
            known.transforms[name] = key
    return new


def write_transforms(connection: Connection, new: dict[str, str], known: Known) -> None:
    """Store transforms; trials will refer to the text that the source has."""
    for name, source in new.items():
        known.transforms[name] = ensure_transform(connection, name, source)


def transform_id(connection: Connection, name: str, known: Known, summary: Summary) -> int:
    """A transform that a trial names, which may have no file."""
    found = known.transforms.get(name)
    if found is None:
        summary.add("flagged", "transform without a file", example=name)
        found = known.transforms[name] = ensure_transform(connection, name, "")
    return found
