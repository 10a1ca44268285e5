"""Parsing many files, in several processes where it pays."""

from __future__ import annotations

import json
import multiprocessing
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lemur2.retrieval.index.parsing import FileFacts, read_facts
from lemur2.retrieval.sources.decoding import decode
from lemur2.retrieval.syntax.calls import Call

_CHUNK = 24  # files a process is handed at once
_FEW = 40  # so many are parsed here: a process takes longer to start


@dataclass(frozen=True)
class Parsed:
    """What is stored of one text: rows, ready to be written.

    Attributes:
        sha1: Of the file's bytes.
        text: The text, UTF-8, compressed.
        error: Why it could not be parsed.
        symbols: Rows without the SHA-1.
        imports: Rows without the SHA-1.
        calls: Rows without the SHA-1.
    """

    sha1: str
    text: bytes
    error: str | None
    symbols: list[tuple[str, str, str, int, int, str | None]]
    imports: list[tuple[int, str, str, int, str | None, str, bool, bool]]
    calls: list[Call]


def parse_all(paths: Mapping[str, Path], workers: int) -> Iterator[Parsed]:
    """Parse files given by the SHA-1 of their content, in any order."""
    jobs = sorted(paths.items(), key=lambda job: -job[1].stat().st_size)
    if workers < 2 or len(jobs) < _FEW:
        yield from map(_parse, jobs)
        return
    context = multiprocessing.get_context("spawn")
    chunks = [jobs[start :: _chunks(jobs)] for start in range(_chunks(jobs))]
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for parsed in pool.map(_parse_chunk, chunks):
            yield from parsed


def _chunks(jobs: list[tuple[str, Path]]) -> int:
    return max(1, len(jobs) // _CHUNK)


def _parse_chunk(jobs: list[tuple[str, Path]]) -> list[Parsed]:
    return [_parse(job) for job in jobs]


def _parse(job: tuple[str, Path]) -> Parsed:
    sha1, path = job
    try:
        text = decode(path.read_bytes())
    except (UnicodeDecodeError, SyntaxError, LookupError) as error:
        text, facts = "", FileFacts(error=f"cannot be decoded: {error}")
    else:
        facts = read_facts(text)
    return Parsed(
        sha1=sha1,
        text=zlib.compress(text.encode("utf-8", "surrogatepass"), 1),
        error=facts.error,
        symbols=[
            (*symbol[:5], json.dumps(symbol[5]) if symbol[5] else None) for symbol in facts.symbols
        ],
        imports=facts.imports,
        calls=facts.calls,
    )
