"""Several modules as one: what they share is kept once, what only has one name is kept apart."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lemur2.architecture.syntax import parse

_Position = tuple[int, int]  # line from 1, column in bytes

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class _Statement:
    """A statement of a module's top level.

    Attributes:
        text: As written, with the comments before it.
        node: Its tree.
        binds: The names it gives the module.
        reads: The names that it or anything in it reads.
        dump: Its tree as text, without positions.
    """

    text: str
    node: ast.stmt
    binds: frozenset[str]
    reads: frozenset[str]
    dump: str


class Merger:
    """Collects modules in one text.

    A statement that is there already is not repeated. A name that is there already with another
    meaning, or whose definition reads such a name, gets a number. `from __future__ import` of any
    module holds for all.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._meanings: dict[str, list[str]] = {}
        self._lazy = False

    def add(self, source: str, expressions: Sequence[str] = ()) -> list[str]:
        """Take a module in.

        Args:
            source: Its text.
            expressions: Texts that are seen from it, a name for example.

        Returns:
            The expressions, as they read in what all modules together are.
        """
        statements = [s for s in _statements(source) if not self._is_future(s)]
        renamed = self._clashes(statements)
        for statement in statements:
            text = _with_names(statement.text, renamed) if renamed else statement.text
            if not self._has(statement, renamed):
                self._parts.append(text)
                for name in statement.binds:
                    meaning = self._meanings.setdefault(renamed.get(name, name), [])
                    meaning.append(statement.dump)
        return [_with_names(text, renamed) for text in expressions]

    def text(self) -> str:
        """All modules."""
        head = ["from __future__ import annotations\n"] if self._lazy else []
        return "\n".join(part.rstrip("\n") + "\n" for part in [*head, *self._parts])

    def _is_future(self, statement: _Statement) -> bool:
        node = statement.node
        if not isinstance(node, ast.ImportFrom) or node.module != "__future__":
            return False
        self._lazy = True
        return True

    def _has(self, statement: _Statement, renamed: Mapping[str, str]) -> bool:
        if not statement.binds or statement.binds & set(renamed):
            return False
        return all(statement.dump in self._meanings.get(name, ()) for name in statement.binds)

    def _clashes(self, statements: Sequence[_Statement]) -> dict[str, str]:
        """New names for those that are taken."""
        meanings: dict[str, list[str]] = {}
        for statement in statements:
            for name in statement.binds:
                meanings.setdefault(name, []).append(statement.dump)
        packages = {
            n
            for s in statements
            for n in s.binds
            if isinstance(s.node, ast.Import) and any(a.asname is None for a in s.node.names)
        }
        shared = set(meanings) & set(self._meanings) - packages
        clashing = {n for n in shared if meanings[n] != self._meanings[n]}
        while more := {
            name
            for statement in statements
            for name in statement.binds & (shared - clashing)
            if statement.reads & clashing
        }:
            clashing |= more
        taken = set(self._meanings) | set(meanings)
        return {name: _free(name, taken) for name in sorted(clashing)}


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    taken.add(f"{name}_{number}")
    return f"{name}_{number}"


def _statements(source: str) -> Iterator[_Statement]:
    lines = source.splitlines(keepends=True)
    before = 0
    body = parse(source).body
    for index, node in enumerate(body):
        assert node.end_lineno is not None
        end = node.end_lineno
        text = "".join(lines[before:end])
        before = end
        if index + 1 < len(body) and body[index + 1].lineno <= end:
            raise ValueError("two statements on a line")
        reads = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        yield _Statement(text, node, frozenset(_bound(node)), frozenset(reads), ast.dump(node))


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a statement of a module's top level binds there."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from ((a.asname or a.name.partition(".")[0]) for a in node.names)
        case ast.Name(ctx=ast.Store()):
            yield node.id
        case ast.Lambda():
            return
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _bound(child)


def _with_names(text: str, renamed: Mapping[str, str]) -> str:
    """A text of whole statements or of an expression, with global names exchanged."""
    edits = dict(_edits(parse(text), text.split("\n"), renamed, frozenset()))
    lines = [line.encode() for line in text.split("\n")]
    for (row, column), (old, new) in sorted(edits.items(), reverse=True):
        line = lines[row - 1]
        assert line[column : column + len(old.encode())] == old.encode()
        lines[row - 1] = line[:column] + new.encode() + line[column + len(old.encode()) :]
    return b"\n".join(lines).decode()


def _edits(
    node: ast.AST, lines: Sequence[str], renamed: Mapping[str, str], local: frozenset[str]
) -> Iterator[tuple[_Position, tuple[str, str]]]:
    """Where a global name stands, and what is to stand there."""
    yield from _edit(node, lines, {n: new for n, new in renamed.items() if n not in local})
    for child, seen in _children(node, local):
        yield from _edits(child, lines, renamed, seen)


def _edit(
    node: ast.AST, lines: Sequence[str], renamed: Mapping[str, str]
) -> Iterator[tuple[_Position, tuple[str, str]]]:
    match node:
        case ast.Name() if node.id in renamed:
            yield (node.lineno, node.col_offset), (node.id, renamed[node.id])
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.name in renamed:
            yield _after_keyword(node, lines), (node.name, renamed[node.name])
        case ast.alias() if (node.asname or node.name) in renamed:
            yield _alias(node, renamed[node.asname or node.name])
        case ast.Global() if set(node.names) & set(renamed):
            raise ValueError("a global statement names what has to be renamed")


def _children(node: ast.AST, local: frozenset[str]) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """What a node consists of, each with the names that are not global where it stands."""
    own: frozenset[str] = frozenset()
    if isinstance(node, _Function):
        own = frozenset(_local(node))
        outside = [*getattr(node, "decorator_list", ()), getattr(node, "returns", None)]
        for part in _evaluated_outside(node.args):
            yield part, local
    elif isinstance(node, ast.ClassDef):
        own = frozenset(name for statement in node.body for name in _bound(statement))
        outside = [child for child in ast.iter_child_nodes(node) if child not in node.body]
    else:
        outside = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.arguments):
            continue  # names, and what was given above
        if child in outside:
            yield child, local
        elif isinstance(node, ast.ClassDef) and isinstance(child, _Function | ast.ClassDef):
            # What a class binds is seen by its own statements, not by its methods' bodies.
            yield child, local | (own & _methods(child))
        else:
            yield child, local | own


def _evaluated_outside(arguments: ast.arguments) -> list[ast.expr]:
    """Defaults and annotations: where the function stands, they are read."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    found = [*arguments.defaults, *arguments.kw_defaults, *(a.annotation for a in every)]
    return [part for part in found if part is not None]


def _methods(node: ast.AST) -> frozenset[str]:
    """The name that a definition in a class body has, which is no global one."""
    return (
        frozenset({node.name}) if isinstance(node, ast.FunctionDef | ast.ClassDef) else frozenset()
    )


def _after_keyword(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[str]
) -> _Position:
    line = lines[node.lineno - 1]
    found = re.compile(r"(async\s+def|def|class)\s+").match(line.encode().decode(), node.col_offset)
    assert found is not None
    return node.lineno, len(line[: found.end()].encode())


def _alias(node: ast.alias, new: str) -> tuple[_Position, tuple[str, str]]:
    text = node.name if node.asname is None else f"{node.name} as {node.asname}"
    return (node.lineno, node.col_offset), (text, f"{node.name} as {new}")


def _local(function: _Function) -> set[str]:
    """Names that are a function's own."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    found = {argument.arg for argument in every}
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    for statement in body:
        found |= set(_bound(statement)) | _handlers(statement)
    declared = {n for s in body for g in ast.walk(s) if isinstance(g, ast.Global) for n in g.names}
    return found - declared


def _handlers(node: ast.AST) -> set[str]:
    return {n.name for n in ast.walk(node) if isinstance(n, ast.ExceptHandler) and n.name}
