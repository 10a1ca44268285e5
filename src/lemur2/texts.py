"""Texts from outside: made safe to keep, to encode and to show."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

LONGEST_NAME = 64  # characters of a name that a candidate gives
MOST_NAMES = 100  # that it may give: of hyperparameters, or of what it tells after an epoch
LONGEST_TEXT = 300  # characters of a text that is kept of it
_DEEPEST = 8  # lists and objects in each other
_MOST_VALUES = 10_000  # of one list

# Controls but tab and newline, line separators, what changes the direction of writing, what cannot
# be seen, lone surrogates. The two joiners (U+200C, U+200D) stay: scripts and emoji are written
# with them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"\w+(\.\w+)*")


def printable(text: str) -> str:
    """Text that a terminal can be shown: generated text may hold escape sequences."""
    return _UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], text)


def one_line(text: object, longest: int = LONGEST_TEXT) -> str:
    """A printable line of at most so many characters."""
    return printable(" ".join(str(text)[: 4 * longest].split()))[:longest]


def is_identifier(name: object, *, dotted: bool = False) -> bool:
    """Whether a candidate may call something so: printable letters, digits and `_`, and few.

    Args:
        name: At most `LONGEST_NAME` characters.
        dotted: Let several through that are joined by dots, as a module of a network has.
    """
    pattern = _DOTTED if dotted else _IDENTIFIER
    return (
        isinstance(name, str)
        and len(name) <= LONGEST_NAME
        and name.isprintable()
        and pattern.fullmatch(name) is not None
    )


def wrong_names(names: Collection[object], *, dotted: bool = False, most: int = MOST_NAMES) -> str:
    """What is wrong with names that a candidate gives, as the end of a sentence; "" for nothing."""
    if len(names) > most:
        return f"more than {most} names"
    wrong = [name for name in names if not is_identifier(name, dotted=dotted)]
    return f"the name {one_line(ascii(wrong[0]), LONGEST_NAME)}" if wrong else ""


def cleaned(value: Any, depth: int = _DEEPEST) -> Any:
    """A value of JSON as it may be kept and shown; sound ones stay as they are.

    Names are cut to `LONGEST_NAME` and objects to `MOST_NAMES` of them, texts to `LONGEST_TEXT`;
    what is nested too deeply is None.
    """
    if isinstance(value, str):
        return printable(value[:LONGEST_TEXT])
    if not depth:
        return None if isinstance(value, Mapping | list | tuple) else value
    if isinstance(value, Mapping):
        some = list(value.items())[:MOST_NAMES]
        return {printable(str(k)[:LONGEST_NAME]): cleaned(v, depth - 1) for k, v in some}
    if isinstance(value, list | tuple):
        return [cleaned(each, depth - 1) for each in value[:_MOST_VALUES]]
    return value
