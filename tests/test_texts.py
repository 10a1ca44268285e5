"""Texts from outside, as they are stored and shown."""

import pytest

from lemur2.texts import is_identifier, one_line, printable

UNPRINTABLE = [
    *("\0", "\x07", "\x1b", "\r", "\x7f", "\x9b", "\u2028", "\u2029", "\ud800", "\udfff"),
    # what reverses the direction of writing, or says that it does
    *("\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u061c"),
    # what cannot be seen
    *("\u00ad", "\u200b", "\u2060", "\ufeff", "\U000e0041"),
]


@pytest.mark.parametrize("char", UNPRINTABLE, ids=ascii)
def test_what_no_terminal_should_be_shown_is_spelled_out(char):
    assert printable(f"a{char}b") == f"a{repr(char)[1:-1]}b"
    assert one_line(f"a{char}").isprintable()
    assert not is_identifier(f"a{char}")


@pytest.mark.parametrize("text", ["", "Größe\n\tβ = 0,5", "\U0001f9d1\u200d\U0001f4bb", "العربية"])
def test_ordinary_text_stays_as_it_is(text):
    assert printable(text) == text
