"""Words of names and code: `SwinTransformerBlock` is also swin, transformer and block."""

from __future__ import annotations

import re

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_MOST = 4000  # words of one block


def identifiers(code: str) -> str:
    """The distinct words of a code's identifiers, in the order of their first use."""
    words: dict[str, None] = {}
    for name in _IDENTIFIER.findall(code):
        words.setdefault(name.lower())
        for part in _PART.findall(name):
            words.setdefault(part.lower())
        if len(words) > _MOST:
            break
    return " ".join(words)
