"""Names that come close to one that is not known: what a message offers for a typing error."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def close_to(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of the known names that are most like a word, upper and lower case alike."""
    folded: dict[str, list[str]] = {}
    for name in dict.fromkeys(known):
        folded.setdefault(name.casefold(), []).append(name)
    found = get_close_matches(word.casefold(), folded, n=count, cutoff=0.55)
    return [name for each in found for name in folded[each]][:count]


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The end of a message about an unknown name: those that come close, else `otherwise`."""
    close = close_to(word, known)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
