"""Bytes of a Python file to text, by its own declaration."""

from __future__ import annotations

import io
import tokenize


def decode(content: bytes) -> str:
    """The text of a source file; line ends become `\\n`.

    Raises:
        SyntaxError: It declares an encoding that does not exist.
        UnicodeDecodeError: It is not in the encoding that it declares (UTF-8 by default).
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
