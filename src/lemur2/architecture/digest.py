"""The canonical digest: what two sources share when only their formatting differs.

It hashes the syntax tree in preorder, without positions, comments and statements that do nothing
(docstrings, bare strings, `pass`). It hashes the tree as the grammar defines it, not what the
compiler makes of it: constant folding and bytecode change from one Python version to the next,
the tree hardly does. Fields that a later grammar added count only where they are used, so a file
that Python 3.11 can parse has one digest on all versions.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from lemur2.architecture.syntax import parse_tree

# `ctx` follows from where a node stands; the others carry comments and the prefix of u"".
_IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_LATER_FIELDS = frozenset({"type_params", "default_value"})  # Python 3.12, 3.13
_END = object()

_Children = Callable[[ast.AST], Iterable[Any]]
_plans: dict[type[ast.AST], _Children] = {}  # grows to the number of node types, about 100


def canonical_digest(source: str) -> str:
    """Hex SHA-256 of the source's syntax tree; equal for sources that differ in formatting only.

    Raises:
        Refusal: With verdict `syntax`, where the source does not parse.
    """
    return tree_digest(parse_tree(source))


def tree_digest(tree: ast.AST) -> str:
    """`canonical_digest` of a source that is already parsed."""
    return hashlib.sha256("\n".join(_tokens(tree)).encode()).hexdigest()


def _tokens(tree: ast.AST) -> list[str]:
    """The tree as lines, in preorder. Each kind of line begins in its own way, none holds a line
    break, lists are closed and every node type has a fixed arity, so that no two trees that differ
    give the same lines. A stack of our own, as hostile trees are deeper than Python's.
    """
    lines: list[str] = []
    emit = lines.append
    stack: list[Any] = [tree]
    pop, extend = stack.pop, stack.extend
    while stack:
        item = pop()
        kind = item.__class__
        if kind is ast.Name:
            emit("$" + item.id)
        elif kind is ast.Constant:
            emit(_constant(item.value))
        elif kind is list:
            emit("[")
            stack.append(_END)
            extend(item[::-1])
        elif item is _END:
            emit("]")
        elif kind is str:
            emit("." + item)
        elif not isinstance(item, ast.AST):  # None, a level, a conversion, a matched singleton
            emit(_constant(item))
        elif not _does_nothing(item):
            emit(kind.__name__)
            plan = _plans.get(kind) or _plans.setdefault(kind, _plan(kind))
            extend(plan(item))
    return lines


def _constant(value: object) -> str:
    """A constant with its type: 1, 1.0 and True are three. Free of line breaks and ASCII."""
    if value.__class__ is int:  # in hexadecimal, as decimal digits are limited to 4,300
        return f"int:{value:x}"
    return f"{type(value).__name__}:{value!a}"


def _does_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Pass)


def _plan(kind: type[ast.AST]) -> _Children:
    """How to get the fields of a node type, the last one first, as a stack wants them."""
    if kind is ast.JoinedStr:
        return _text_parts
    fields = [name for name in kind._fields if name not in _IGNORED_FIELDS | _LATER_FIELDS]
    later = [name for name in kind._fields if name in _LATER_FIELDS]
    common = _getter(fields[::-1])
    if not later:
        return common
    return lambda node: (*_later(node, later), *common(node))


def _text_parts(node: Any) -> tuple[list[ast.expr]]:
    """An f-string's parts without empty text, which Python 3.12.1 puts after some format specs."""
    parts = node.values
    return ([p for p in parts if not (isinstance(p, ast.Constant) and p.value == "")],)


def _getter(fields: Sequence[str]) -> _Children:
    if not fields:
        return lambda node: ()
    if len(fields) == 1:
        get = attrgetter(fields[0])
        return lambda node: (get(node),)
    return attrgetter(*fields)


def _later(node: ast.AST, fields: Sequence[str]) -> list[Any]:
    """The values of later fields that are used, each above its name."""
    used: list[Any] = []
    for name in fields:
        value = getattr(node, name)
        if value:
            used += [value, name]
    return used
