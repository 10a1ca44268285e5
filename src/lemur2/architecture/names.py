"""Names by content, as the field's corpora have them: `prefix-md5`, md5 of the text sans spaces."""

import hashlib
import re

_IDENTIFIER = (
    r"[0-9a-f]{32}"  # an md5: what `content_name` gives
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID: older files
    r"|[0-9]+"  # a counter: `ga-17`
)
_NAME = re.compile(rf"(?P<prefix>.+?)-(?:{_IDENTIFIER})")
_MD5 = re.compile(r"[0-9a-f]{32}")


def content_name(prefix: str, source: str) -> str:
    """`prefix-md5` of the source with all whitespace removed; the md5 alone where no prefix."""
    digest = whitespace_md5(source)
    return f"{prefix}-{digest}" if prefix else digest


def second_name(name: str, digest: str) -> str:
    """A name for a network where another one has its own: with its canonical digest's start."""
    return f"{name}-{digest[:8]}"


def whitespace_md5(source: str) -> str:
    """Hex md5 of the source with all whitespace removed."""
    packed = "".join(source.split()).encode("utf-8", "surrogatepass")
    return hashlib.md5(packed, usedforsecurity=False).hexdigest()


def prefix(name: str) -> str | None:
    """What a name has before its md5, UUID or counter; None where it has none of them."""
    match = _NAME.fullmatch(name)
    return match["prefix"] if match else None


def family(name: str) -> str:
    """What a name has before its md5, UUID or counter: `FractalNet`, `ast-dimension`, `ga-mut`.

    A name without any of them is its own family (`ResNet18`); a bare md5 belongs to none ("").
    """
    if match := _NAME.fullmatch(name):
        return match["prefix"]
    return "" if _MD5.fullmatch(name) else name
