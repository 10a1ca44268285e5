"""Find the file in a reply: traces dropped, the likeliest block taken, the rest left out."""

from __future__ import annotations

import ast
import html
import json
import re
import textwrap
from collections.abc import Iterator

from lemur2.architecture import Refusal
from lemur2.architecture.syntax import parse, parse_tree
from lemur2.llm.text.wanted import Wanted

_TRACE = "think|thinking|thought|reasoning|reflection|scratchpad|analysis"
_TRACE_TAG = re.compile(rf"<(?P<end>/?)(?:{_TRACE})>", re.IGNORECASE)
_TURN = re.compile(
    r"<\|(?:im_start|im_end|endoftext|eot_id|end|assistant|user|system|begin_of_text"
    r"|start_header_id|end_header_id)\|>(?:(?<=start\|>)(?:assistant|user|system))?|</?s>"
    r"|<\uff5c[^\uff5c\n]{1,40}\uff5c>"
)
_FENCE = re.compile(r"^(?P<indent>[ \t]*(?:>[ \t]?)*)(?P<mark>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_CODE_START = re.compile(
    r"(?:import |from [\w.]+ import|class \w|def \w|async def |@\w|#|\"\"\"|''')"
)
_HTML_TAG = re.compile(r"<(?P<end>/?)(?:pre|code)\b[^>\n]{0,200}>", re.IGNORECASE)
_NUMBERED = re.compile(r"^[ \t]*\d+(?:[ \t]*[|:│])?(?:[ \t]|$)")
_DEFINING = (ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)
_LONGEST_TRIED = 200_000  # characters up to which it is tried how much of a text parses


def parses(source: str) -> bool:
    """Whether it is Python, and not empty."""
    try:
        return bool(parse_tree(source).body)
    except Refusal:
        return False


def is_file(source: str) -> bool:
    """Whether it is Python that defines or imports something at the top level."""
    try:
        tree = parse_tree(source)
    except Refusal:
        return False
    return any(isinstance(node, _DEFINING) for node in tree.body)


def strip_traces(text: str) -> str:
    """Drop thinking traces and the marks of turns.

    A trace that is never closed runs to the end, unless nothing but it is there: a model that
    forgot the closing tag wrote its answer into it, so only tags go.
    """
    text = _TURN.sub("", text)
    kept: list[str] = []
    at, opened = 0, None  # where the text goes on; where a trace began
    for tag in _TRACE_TAG.finditer(text):
        if not tag["end"]:
            opened = tag if opened is None else opened
        elif opened is not None:
            kept.append(text[at : opened.start()])
            at, opened = tag.end(), None
        else:  # the opening tag was in the prompt: all before is trace
            kept.clear()
            at = tag.end()
    if opened is None:
        return "".join(kept) + text[at:]
    before = "".join(kept) + text[at : opened.start()]
    return before if before.strip() else _TRACE_TAG.sub("", text[opened.end() :])


def fenced_blocks(text: str) -> list[str]:
    """What is between fences, in order; one that is not closed runs to the end.

    Fences may be indented or quoted (`> `); their blocks are moved back to the margin.
    """
    found: list[str] = []
    block: list[str] = []
    fence: re.Match[str] | None = None
    for line in text.splitlines():
        match = _FENCE.match(line)
        if fence is None:
            if match is not None:
                fence, block = match, []
        elif match is not None and _closes(match, fence):
            found.append(_at_margin(block, fence["indent"]))
            fence = None
        else:
            block.append(line)
    if fence is not None and block:
        found.append(_at_margin(block, fence["indent"]))
    return found


def _closes(match: re.Match[str], fence: re.Match[str]) -> bool:
    same = match["mark"][0] == fence["mark"][0] and len(match["mark"]) >= len(fence["mark"])
    return same and not match["info"].strip()


def _at_margin(lines: list[str], indent: str) -> str:
    if indent:
        lines = [
            line[len(indent) :]
            if line.startswith(indent)
            else line.lstrip("> \t")
            if not line.strip("> \t")
            else line
            for line in lines
        ]
    return textwrap.dedent("\n".join(lines)).strip("\n") + "\n"


def extract(text: str, wanted: Wanted) -> str:
    """The most likely complete file in a text; the text where no code is found in it.

    A text that is Python and defines what is wanted is given back as it is. Else the candidates
    are the fenced blocks, all of them joined (a file told in pieces), HTML and JSON strings, and
    the text itself without its prose. Taken is the one that defines most of what is wanted; among
    equals one that parses, then the later one: models correct themselves.
    """
    if _telling(text, wanted) and is_file(text):
        return text
    candidates = list(_candidates(strip_traces(text)))
    if not candidates:
        return text
    best = max(
        range(len(candidates)),
        key=lambda place: (_telling(candidates[place], wanted), is_file(candidates[place]), place),
    )
    return candidates[best]


def _candidates(text: str) -> Iterator[str]:
    """Texts that may be the file, the less likely first."""
    if text.strip():
        yield from _from_json(text)
        yield without_prose(text)
    blocks = [*_html_blocks(text), *fenced_blocks(text)]
    blocks = [block for block in blocks if block.strip()]
    if len(blocks) > 1:
        yield "\n".join(blocks)
    for block in blocks:
        yield without_marks(block)


def _html_blocks(text: str) -> Iterator[str]:
    """What is between code tags, the innermost."""
    start: int | None = None
    for tag in _HTML_TAG.finditer(text):
        if not tag["end"]:
            start = tag.end()
        elif start is not None:
            yield _at_margin(html.unescape(text[start : tag.start()]).splitlines(), "")
            start = None


def _from_json(text: str) -> Iterator[str]:
    """Strings of several lines in a JSON object that is the whole text, or a fenced block of it."""
    for part in (text, *fenced_blocks(text)):
        stripped = part.strip()
        if not stripped.startswith(("{", '"', "[")):
            continue
        try:
            value = json.loads(stripped)
        except (ValueError, RecursionError):
            continue
        yield from (each for each in _strings(value) if "\n" in each)


def _strings(value: object) -> Iterator[str]:
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            todo += each.values()
        elif isinstance(each, list):
            todo += each


def _telling(source: str, wanted: Wanted) -> int:
    """How much of what is wanted it defines; the first counts for more than all others."""
    found = [mark in source for mark in wanted.defines]
    return sum(found) + (len(found) if found[0] else 0)


def without_marks(source: str) -> str:
    """Without what is put before every line: `>>> `, `+`, line numbers, quotation marks."""
    lines = [line for line in source.splitlines() if line.strip()]
    if not lines or parses(source):
        return source
    if all(line.startswith((">>>", "...")) for line in lines):
        return "".join(line[4:] + "\n" for line in source.splitlines())
    for mark in ("+", "> "):
        bare = mark.rstrip()
        if all(line.startswith((mark, bare)) for line in lines):
            return "".join(line.removeprefix(mark) + "\n" for line in source.splitlines())
    if all(_NUMBERED.match(line) for line in lines):
        return "".join(_NUMBERED.sub("", line, count=1) + "\n" for line in source.splitlines())
    return source


def without_prose(text: str) -> str:
    """From the first line that is code, as far as one can see, to the last that still parses."""
    if len(text) > _LONGEST_TRIED:
        return text
    lines = [line for line in text.splitlines() if not _FENCE.match(line)]
    starts = [place for place, line in enumerate(lines) if _CODE_START.match(line)]
    for start in starts[:8]:
        source = _longest_prefix(lines[start:])
        if source is not None:
            return source
        if _is_code(lines[start]):  # what follows is broken, but not prose
            return "\n".join(lines[start:]) + "\n"
    return "\n".join(lines) + "\n"


def _is_code(line: str) -> bool:
    """Whether a line that may be code is no prose or heading: it parses, or opens a block."""
    if line.startswith(("#", '"', "'")):
        return False
    return parses(line) or line.rstrip().endswith((":", "(", ",", "\\")) or line.startswith("@")


def _longest_prefix(lines: list[str]) -> str | None:
    """The longest beginning that parses, where what is left out is no code; None where none."""
    end = len(lines)
    for _ in range(12):
        source = "\n".join(lines[:end]) + "\n"
        try:
            parse(source)
        except SyntaxError as error:
            # The first line that cannot be code ends it, if nothing after it is indented.
            blamed = (error.lineno or 0) - 1
            if not 0 < blamed < end or lines[blamed][:1] in (" ", "\t", ")", "]", "}", ""):
                return None
            if any(_CODE_START.match(line) for line in lines[blamed:end]):
                return None
            end = blamed
        except (ValueError, RecursionError, MemoryError):
            return None
        else:
            return source.rstrip() + "\n" if source.strip() else None
    return None
