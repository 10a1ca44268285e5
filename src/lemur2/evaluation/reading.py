"""What a worker reports, read as what it is: the word of an untrusted process.

A candidate that finds the channel can send whatever it likes. Each job reads its own report with
these; what is not well-formed is refused as `forbidden`, so that it ends the candidate and not the
run. Within `readable` every reader raises ValueError, or whatever an odd value makes it raise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lemur2.architecture import Refusal, Verdict
from lemur2.texts import LONGEST_TEXT, MOST_NAMES, one_line, printable, wrong_names

__all__ = [
    "LOADED",
    "MOST",
    "argument",
    "count",
    "digest",
    "few",
    "lines",
    "named",
    "notes",
    "one_line",
    "readable",
    "shape",
    "value",
]

LOADED = frozenset({Verdict.CONTRACT, Verdict.IMPORT, Verdict.BUILD, Verdict.SHAPE})
"""What loading and building may be refused with, beside `memory`, `forbidden` and `crash`."""
MOST = 1 << 62  # of anything that is counted; databases hold 64 bits
_MOST_NOTES = 20
_MOST_AXES = 16
_MOST_VALUES = 1_000
_DIGEST = re.compile(r"[0-9a-f]{1,64}")
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


@contextmanager
def readable() -> Iterator[None]:
    """Refuse what cannot be read in the block. Raises Refusal (`forbidden`)."""
    try:
        yield
    except _MALFORMED as error:
        raise Refusal(Verdict.FORBIDDEN, "the worker's report cannot be read") from error


def lines(source: str) -> int:
    """How many lines a candidate's source has: a refusal names one of them."""
    return len(source.splitlines())


def count(raw: Any) -> int:
    """A number of things."""
    if type(raw) is not int or not 0 <= raw <= MOST:
        raise ValueError("no count")
    return raw


def shape(raw: Any) -> tuple[int, ...]:
    """The shape of an array."""
    if not isinstance(raw, list) or len(raw) > _MOST_AXES:
        raise ValueError("no shape")
    return tuple(map(count, raw))


def notes(raw: Any) -> tuple[str, ...]:
    """Lines for people, the first few of them."""
    if not isinstance(raw, list):
        raise TypeError(type(raw))
    return tuple(map(one_line, raw[:_MOST_NOTES]))


def digest(raw: Any) -> str:
    """Hex digits."""
    if not _DIGEST.fullmatch(raw):
        raise ValueError(raw)
    return str(raw)


def few(raw: Any) -> Any:
    """A list or an object of at most a thousand values."""
    if not isinstance(raw, dict | list) or len(raw) > _MOST_VALUES:
        raise ValueError("too many values")
    return raw


def argument(raw: Any) -> str:
    """A name in a file, or `*`."""
    if raw != "*" and not (isinstance(raw, str) and len(raw) <= 200 and raw.isidentifier()):
        raise ValueError("no name of a parameter")
    return str(raw)


def named(raw: Any, *, dotted: bool = False) -> dict[str, Any]:
    """Few values under short names."""
    most = MOST_NAMES + 10  # what is declared, and what every network gets
    if not isinstance(raw, dict) or wrong_names(raw, dotted=dotted, most=most):
        raise ValueError("names that are none")
    return raw


def value(raw: Any) -> int | float | str:
    """What a hyperparameter may be."""
    if isinstance(raw, str):
        return printable(raw[:LONGEST_TEXT])
    if isinstance(raw, float) and math.isfinite(raw):
        return raw
    if isinstance(raw, int) and abs(raw) <= MOST:
        return raw
    raise ValueError(raw)
