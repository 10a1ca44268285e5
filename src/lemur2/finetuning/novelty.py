"""What is new: a network that neither a corpus nor an earlier candidate of the run has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa

from lemur2.architecture import Refusal
from lemur2.architecture.digest import canonical_digest
from lemur2.corpus import Corpus
from lemur2.corpus.db.schema import architectures, sources
from lemur2.finetuning.normal import normal_digest


def corpus_digests(corpus: Corpus, cache: Path | None = None) -> frozenset[str]:
    """The canonical digests of all networks of a corpus, as they are and in normal form.

    Both, because training text has its methods in another order than the corpus, and what a model
    repeats from it is not new.

    Args:
        corpus: Whose.
        cache: A file that keeps the normal forms' digests; used where it is of the same corpus.
    """
    query = sa.select(architectures.c.digest).order_by(architectures.c.id)
    with corpus.database.read() as connection:
        plain: list[str] = list(connection.scalars(query))
    if cache is not None and cache.is_file():
        kept = json.loads(cache.read_text("utf-8"))
        if kept["of"] == plain:
            return frozenset(plain) | frozenset(kept["normal"])
    normal = sorted(set(_normal(_texts(corpus))))
    if cache is not None:
        cache.write_text(json.dumps({"of": plain, "normal": normal}), "utf-8")
    return frozenset(plain) | frozenset(normal)


def _texts(corpus: Corpus) -> Iterator[str]:
    query = sa.select(sources.c.text).join_from(architectures, sources)
    with corpus.database.read() as connection:
        for text in connection.scalars(query):
            yield text.decode("utf-8", "surrogatepass")


def _normal(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        try:
            yield normal_digest(text)
        except Refusal:
            continue


class Seen:
    """The digests that are known, and those of the candidates that were asked about since."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known
        self._run: set[str] = set()

    def repeats(self, source: str) -> str:
        """`corpus` or `run` where a network was there before, "" where it is new; notes it.

        Raises:
            Refusal: It does not parse.
        """
        digests = {canonical_digest(source), normal_digest(source)}
        before = "corpus" if digests & self._known else "run" if digests & self._run else ""
        self._run |= digests
        return before
