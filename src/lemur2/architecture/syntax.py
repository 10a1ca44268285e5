"""From text to syntax tree, whatever the text is: every failure is a `syntax` refusal."""

import ast
import threading
import warnings
from typing import Literal, overload

from lemur2.architecture.verdict import Refusal, Verdict

MAX_SOURCE_CHARS = 1 << 19
"""Longest source that is parsed. The longest of 10,459 published networks has 178,000 characters;
a hostile one of gigabytes must not occupy the parent process."""

# Threads take turns: Python 3.11 counts the depth of its parser once for all of them, and the
# warnings' filters are of the whole process, too.
PARSER = threading.Lock()


def decode_source(data: bytes) -> str:
    """The text of a source file.

    Only UTF-8 (a byte order mark is dropped) is accepted: a file in another encoding could be read
    as one program when it is checked and as another when it runs.

    Raises:
        Refusal: With verdict `syntax`, where the bytes are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Refusal(
            Verdict.SYNTAX, "the file is not UTF-8 text", line, "save it as UTF-8"
        ) from error


@overload
def parse(source: str) -> ast.Module: ...


@overload
def parse(source: str, mode: Literal["eval"]) -> ast.Expression: ...


def parse(source: str, mode: str = "exec") -> ast.AST:
    """`ast.parse` without warnings, for one thread at a time. Everything in this process uses it.

    Python 3.11 counts the depth of its parser once for all threads, and fails where two parse.
    """
    with PARSER, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # '\d' in a plain string is the author's affair
        return ast.parse(source, mode=mode)


def parse_tree(source: str) -> ast.Module:
    """The syntax tree of a source file, without running anything.

    Raises:
        Refusal: With verdict `syntax`: not Python, too long, too deeply nested, null bytes, text
            that no file can hold. The line is given where the parser knows it.
    """
    if len(source) > MAX_SOURCE_CHARS:
        raise Refusal(
            Verdict.SYNTAX,
            f"the source has {len(source):,} characters, more than {MAX_SOURCE_CHARS:,}",
            remedy="build repeated layers in a loop",
        )
    try:
        return parse(source)
    except SyntaxError as error:
        raise Refusal(Verdict.SYNTAX, error.msg, error.lineno, "mend the syntax") from error
    except (RecursionError, MemoryError) as error:
        raise Refusal(
            Verdict.SYNTAX,
            "the source is nested too deeply to parse",
            remedy="split the deepest expression",
        ) from error
    except ValueError as error:  # null bytes before Python 3.12, surrogates that UTF-8 cannot hold
        raise Refusal(
            Verdict.SYNTAX, f"not source text: {error}", remedy="save as UTF-8"
        ) from error
