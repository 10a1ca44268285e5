"""Text that is safe to show."""

import re

# Controls but tab and newline, what reverses the direction of writing, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Text that a terminal can be shown: generated text may hold escape sequences."""
    return _UNPRINTABLE.sub(lambda match: repr(match[0])[1:-1], text)
