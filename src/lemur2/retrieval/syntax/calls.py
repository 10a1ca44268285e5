"""What the index keeps of calls of classes: arguments that can be read off a text."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping

from lemur2.retrieval.syntax.anatomy import dotted

#: A call as it is stored: the last part of what is called, the whole chain, arguments as JSON.
Call = tuple[str, str, str]


def read_calls(tree: ast.Module) -> list[Call]:
    """The calls of classes whose arguments can be read off, each once.

    Looked for where classes are put together: in constructors and in functions of the top level.
    An argument can be read off where it is a literal, or a parameter of the function around it
    that has one as its default.
    """
    found: dict[Call, None] = {}
    for function in _constructing(tree):
        known = _defaults(function.args)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and _is_class(chain := dotted(node.func)):
                arguments = _arguments(node, known)
                if arguments:
                    call = (chain.rpartition(".")[2], chain, json.dumps(arguments))
                    found[call] = None
    return list(found)


def _constructing(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            yield statement
        elif isinstance(statement, ast.ClassDef):
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    yield inner


def _is_class(chain: str) -> bool:
    name = chain.rpartition(".")[2].lstrip("_")
    return name[:1].isupper() and not chain.startswith(("nn.", "torch.")) and name[-5:] != "Error"


def _defaults(arguments: ast.arguments) -> dict[str, str]:
    """What parameters are where nothing is given, as texts."""
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(positional), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    literal = {given.arg: _literal(default) for given, default in pairs if default is not None}
    return {name: text for name, text in literal.items() if text is not None}


def _arguments(call: ast.Call, known: Mapping[str, str]) -> dict[str, str]:
    """Those that can be read off, by position or by name."""
    found: dict[str, str | None] = {}
    for position, value in enumerate(call.args):
        if isinstance(value, ast.Starred):
            break
        found[str(position)] = _value(value, known)
    for keyword in call.keywords:
        if keyword.arg is not None:
            found[keyword.arg] = _value(keyword.value, known)
    return {name: text for name, text in found.items() if text is not None}


def _value(node: ast.expr, known: Mapping[str, str]) -> str | None:
    return known.get(node.id) if isinstance(node, ast.Name) else _literal(node)


def _literal(node: ast.expr) -> str | None:
    """The text of a literal that says something: None is what says nothing."""
    plain = node.operand if isinstance(node, ast.UnaryOp) else node
    parts = plain.elts if isinstance(plain, ast.Tuple | ast.List) else [plain]
    if not all(isinstance(part, ast.Constant) and part.value is not None for part in parts):
        return None
    return ast.unparse(node)
