"""Mend what models get wrong in a file: characters, brackets, imports, hyperparameters.

Every step is a function from source to source that leaves alone what is not broken: a clean file
passes all of them unchanged.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lemur2.architecture import Refusal
from lemur2.architecture.hyperparameters import declared_hyperparameters
from lemur2.architecture.syntax import parse, parse_tree
from lemur2.architecture.toplevel import last_function
from lemur2.llm.text.extract import extract, parses
from lemur2.llm.text.wanted import Wanted

_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\x00\x0b\x0c]")
_LOOK_ALIKES: dict[int, int | str | None] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
    **dict.fromkeys((0xA0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000), " "),
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0x201F, 0xAB, 0xBB), '"'),
    **dict.fromkeys((0x2018, 0x2019, 0x201A, 0x201B), "'"),
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-"),
    0xD7: "*",
    0x2026: "...",
}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_TOKENS = re.compile(  # texts, comments, brackets, a text that is not closed
    r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|(?P<open>\"{3}|'{3}).*"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#[^\n]*|[()\[\]{}]""",
    re.DOTALL,
)
# A name that is used and bound nowhere -> what binds it, as everybody writes it.
_WELL_KNOWN = {
    "F": "import torch.nn.functional as F",
    "optim": "import torch.optim as optim",
    "math": "import math",
    "np": "import numpy as np",
    "torchvision": "import torchvision",
    "OrderedDict": "from collections import OrderedDict",
    "partial": "from functools import partial",
    **{name: f"from typing import {name}" for name in (
        "Any", "Callable", "Dict", "List", "Optional", "Sequence", "Set", "Tuple", "Union")},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A file as it was mended, and by which steps, in order."""

    source: str
    steps: tuple[str, ...]


def clean(text: str, wanted: Wanted) -> Cleaned:
    """Extract a file from a reply and mend it; doing it again changes nothing.

    Returns:
        The file, whether it is right or not: `wanted.check` tells.
    """
    source, steps = text, []
    for _ in range(8):  # a step may uncover work for an earlier one
        before = source
        for name, step in _STEPS:
            after = step(source, wanted)
            if after != source:
                source = after
                steps.append(name)
        if source == before:
            break
    return Cleaned(source=source, steps=tuple(dict.fromkeys(steps)))


def plain_characters(source: str, wanted: Wanted) -> str:
    """Invisible characters dropped and look-alikes replaced, where the file does not parse."""
    if parses(source):
        return source
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    bare = _INVISIBLE.sub("", source)
    if parses(bare):
        return bare
    plain = bare.translate(_LOOK_ALIKES)
    return plain if parses(plain) else bare


def at_margin(source: str, wanted: Wanted) -> str:
    """Moved back to the margin, where all of it is indented."""
    if parses(source):
        return source
    expanded = textwrap.dedent(source.expandtabs(4))
    return expanded if parses(expanded) else textwrap.dedent(source)


def balanced(source: str, wanted: Wanted) -> str:
    """What is open at the end of the file closed: brackets, a text in triple quotes.

    Where the end was cut off in the middle of a statement, the last lines go that keep the rest
    from being closed.
    """
    if parses(source) or len(source) > 200_000:
        return source
    lines = source.rstrip().splitlines()
    for drop in range(min(6, len(lines))):
        kept = "\n".join(lines[: len(lines) - drop]).rstrip()
        for closed in _closings(kept):
            if parses(closed):
                return closed
    return source


def _closings(kept: str) -> Iterable[str]:
    quote, brackets = _open_at_end(kept)
    if quote is not None:
        yield f"{kept}{quote}\n"
        yield f"{kept}{quote}{brackets}\n"
        return
    if brackets:
        yield f"{kept}{brackets}\n"
        yield f"{kept.rstrip(',')}{brackets}\n"
        yield f"{kept}{brackets}:\n        pass\n" if kept.lstrip().startswith("def") else kept
    else:
        yield f"{kept}\n"


def _open_at_end(source: str) -> tuple[str | None, str]:
    """The triple quote that is open at the end, if one is, and the brackets that close it all."""
    stack: list[str] = []
    for token in _TOKENS.finditer(source):
        text = token.group()
        if token["open"]:
            return token["open"], "".join(reversed(stack))
        if text in _CLOSERS:
            stack.append(_CLOSERS[text])
        elif stack and text == stack[-1]:
            stack.pop()
    return None, "".join(reversed(stack))


def imports_once(source: str, wanted: Wanted) -> str:
    """The essential imports there, each exactly once; well-known names that nothing binds, too."""
    tree = _tree(source)
    if tree is None or not tree.body:
        return source
    source = _without_repeats(source, tree, wanted)
    tree = _tree(source)
    if tree is None:
        return source
    bound, used = _names(tree)
    missing = [line for line in wanted.imports if not _binds(line) <= bound]
    if not missing and not used - bound:
        return source
    known = [line for name, line in _WELL_KNOWN.items() if name in used - bound]
    return _insert_at_top(source, tree, [*missing, *known])


def _tree(source: str) -> ast.Module | None:
    try:
        return parse_tree(source)
    except Refusal:
        return None


def _binds(line: str) -> set[str]:
    return _names(parse(line))[0]


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Names that anything binds, anywhere, and names that are read."""
    bound: set[str] = set()
    used: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.Import() | ast.ImportFrom():
                bound |= {(a.asname or a.name).split(".")[0] for a in node.names}
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                bound.add(name)
            case ast.arg(arg=name):
                bound.add(name)
            case _:
                pass
    if "*" in bound:  # it may bind anything
        bound |= used
    return bound, used


def _without_repeats(source: str, tree: ast.Module, wanted: Wanted) -> str:
    """Without second copies of an essential import that stand on lines of their own."""
    essential = {ast.dump(parse(line).body[0]) for line in wanted.imports}
    seen: set[str] = set()
    drop: set[int] = set()
    lines = source.splitlines(keepends=True)
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        mark = ast.dump(node)
        alone = lines[node.lineno - 1].strip() == ast.unparse(node)
        if mark in seen and alone:
            drop.add(node.lineno - 1)
        if mark in essential:
            seen.add(mark)
    return "".join(line for place, line in enumerate(lines) if place not in drop)


def _insert_at_top(source: str, tree: ast.Module, statements: list[str]) -> str:
    """The statements before the first that is no docstring and no `from __future__`."""
    if not statements:
        return source
    after = 0
    for place, node in enumerate(tree.body):
        docstring = (
            place == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
        after = node.end_lineno or after
    lines = source.splitlines(keepends=True)
    return "".join([*lines[:after], *(f"{line}\n" for line in statements), *lines[after:]])


def hyperparameters_fixed(source: str, wanted: Wanted) -> str:
    """`supported_hyperparameters` returns what the task fixes, whatever the model wrote."""
    tree = _tree(source)
    if wanted.hyperparameters is None or tree is None or not tree.body:
        return source
    function = last_function(tree.body, "supported_hyperparameters")
    if function is not None and _declares(tree) == set(wanted.hyperparameters):
        return source
    names = ", ".join(repr(name) for name in wanted.hyperparameters)
    written = f"def supported_hyperparameters():\n    return {{{names}}}\n"
    if function is None:
        return f"{source.rstrip()}\n\n\n{written}"
    lines = source.splitlines(keepends=True)
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)]) - 1
    return "".join([*lines[:first], written, *lines[function.end_lineno :]])


def _declares(tree: ast.Module) -> set[str] | None:
    try:
        names, _ = declared_hyperparameters(tree)
    except Refusal:
        return None
    return None if names is None else set(names)


_STEPS: tuple[tuple[str, Callable[[str, Wanted], str]], ...] = (
    ("extracted", extract),
    ("characters", plain_characters),
    ("margin", at_margin),
    ("brackets", balanced),
    ("imports", imports_once),
    ("hyperparameters", hyperparameters_fixed),
)
