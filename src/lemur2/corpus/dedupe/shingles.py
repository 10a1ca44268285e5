"""Normalised tokens of a source file, and the runs of them (shingles) that similarity counts.

Tokens are the nodes of the syntax tree in preorder, so that formatting, comments and docstrings
count for nothing. Whatever a file names itself (variables, parameters, classes, functions,
attributes that it assigns) is one and the same token; what it only uses (`nn.Conv2d`, keywords,
constants) keeps its name or value, wherever it stands: a positional argument counts as a keyword
does. What can never run is left out: functions and classes of the top level that neither `Net` nor
the module's own statements come to, statements after a `return` or the like, the body of an
`if False`.
"""

import ast
from collections.abc import Iterator
from typing import Any

from lemur2.architecture.syntax import parse_tree

WIDTH = 5
"""Tokens in a shingle."""

_OWN = "own"  # the token of every name that the file gives
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ENDS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
# Of the top level, what is used from outside the file.
_USED = frozenset({"Net", "supported_hyperparameters"})
# Contexts say only what their place says.
_SILENT = (ast.Load, ast.Store, ast.Del)


def shingles(source: str) -> set[str]:
    """Every run of `WIDTH` normalised tokens in a source file; the one there is in a tiny file.

    Raises:
        Refusal: With verdict `syntax`, where it does not parse.
    """
    tokens = normalised_tokens(parse_tree(source))
    runs = zip(*(tokens[start:] for start in range(WIDTH)), strict=False)
    return set(map(" ".join, runs)) or {" ".join(tokens)}


def normalised_tokens(tree: ast.Module) -> list[str]:
    """The tokens of a syntax tree in preorder; none holds a blank."""
    tokens: list[str] = []
    own: set[str] = set()
    stack: list[Any] = [*reversed(_used(tree))]
    while stack:
        node = stack.pop()
        if node.__class__ is not str:
            stack += reversed(_visit(node, tokens, own))
        else:
            tokens.append(node)
    return [_OWN if token in own else token for token in tokens]


def _used(tree: ast.Module) -> list[ast.stmt]:
    """The top level of a network's file, without functions and classes that it never comes to."""
    if not any(isinstance(s, ast.ClassDef) and s.name == "Net" for s in tree.body):
        return [*tree.body]
    definitions: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        if isinstance(statement, _DEFINITIONS):
            definitions.setdefault(statement.name, []).append(statement)
    reached = set(_USED)
    todo = [s for s in tree.body if not isinstance(s, _DEFINITIONS) or s.name in _USED]
    for statement in todo:  # grows while it is walked
        new = (_named(statement) & definitions.keys()) - reached
        reached |= new
        todo += [each for name in sorted(new) for each in definitions[name]]
    return [s for s in tree.body if not isinstance(s, _DEFINITIONS) or s.name in reached]


def _named(statement: ast.stmt) -> set[str]:
    """The names that a statement mentions: variables, attributes, and texts that may be names."""
    named: set[str] = set()
    for node in _walk(statement):
        if isinstance(node, ast.Name):
            named.add(node.id)
        elif isinstance(node, ast.Attribute):
            named.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named.add(node.value)  # getattr, globals()[...], __all__
    return named


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack += _children(node)


def _visit(node: ast.AST, tokens: list[str], own: set[str]) -> list[Any]:
    """Emit a node's own token and note the names it gives; what comes after it, in order.

    Names are marked by kind, so that a variable `size` does not hide the method `x.size()`.
    """
    kind = node.__class__
    if kind is ast.Name:
        token = f"${node.id}"  # type: ignore[attr-defined]
        tokens.append(token)
        if node.ctx.__class__ is ast.Store:  # type: ignore[attr-defined]
            own.add(token)
        return []
    if kind is ast.Constant:
        tokens.append(_constant(node.value))  # type: ignore[attr-defined]
        return []
    if kind is ast.Attribute:
        token = f".{node.attr}"  # type: ignore[attr-defined]
        if node.ctx.__class__ is ast.Store:  # type: ignore[attr-defined]
            own.add(token)
        return [node.value, token]  # type: ignore[attr-defined]
    return _visit_other(node, tokens, own)


def _visit_other(node: ast.AST, tokens: list[str], own: set[str]) -> list[Any]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []  # a docstring, or another statement that does nothing
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and not node.test.value:
        return _reached(node.orelse)
    if isinstance(node, _DEFINITIONS):
        own.update((f"${node.name}", f".{node.name}"))
        tokens += (node.__class__.__name__, _OWN)
    elif isinstance(node, ast.arg):
        own.add(f"${node.arg}")
        tokens.append("arg")
    elif isinstance(node, ast.keyword):
        tokens.append(f"{node.arg}=")
    elif isinstance(node, ast.alias):
        tokens.append(f"import:{node.name}")
    else:
        tokens.append(node.__class__.__name__)
    return _children(node)


def _children(node: ast.AST) -> list[Any]:
    found: list[Any] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += _reached(value)
        elif isinstance(value, ast.AST) and not isinstance(value, _SILENT):
            found.append(value)
    return found


def _reached(items: list[Any]) -> list[ast.AST]:
    """The nodes in a list; of statements, those up to the first that ends their block."""
    found: list[ast.AST] = []
    for item in items:
        if isinstance(item, ast.AST):
            found.append(item)
        if isinstance(item, _ENDS):
            break
    return found


def _constant(value: object) -> str:
    """A constant with its type, without a blank: 1, 1.0 and True are three."""
    if value.__class__ is int:  # in hexadecimal, as decimal digits are limited to 4,300
        return f"int:{value:x}"
    return "".join(f"{type(value).__name__}:{value!a}".split())
