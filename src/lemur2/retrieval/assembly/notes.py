"""A last look at what was assembled, without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from lemur2.architecture.syntax import parse
from lemur2.retrieval.syntax.anatomy import dotted
from lemur2.retrieval.values import Unresolvable


def notes_on(text: str, own: frozenset[str], name: str) -> tuple[str, ...]:
    """What a reader should know of one statement of a result.

    Args:
        text: The statement.
        own: The top-level packages of the origin.
        name: Of the block, for the error.

    Raises:
        Unresolvable: It cannot be parsed, or still imports from its origin.
    """
    try:
        tree = parse(text)
    except SyntaxError as error:
        raise Unresolvable(name, f"assembly failed: {error.msg}") from error
    notes: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom() | ast.Import():
                _refuse_own(node, own)
            case ast.Call():
                notes.update(dict.fromkeys(_dynamic(node, own)))
            case ast.Attribute():
                notes.update(dict.fromkeys(_compiled(node, own)))
    return tuple(notes)


def required(imports: str) -> tuple[str, ...]:
    """The third-party packages that import statements need, by their top-level names."""
    return tuple(sorted(set(_required(parse(imports)))))


def _refuse_own(node: ast.Import | ast.ImportFrom, own: frozenset[str]) -> None:
    relative = isinstance(node, ast.ImportFrom) and node.level > 0
    modules = (
        [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
    )
    for module in modules:
        if relative or module.partition(".")[0] in own:
            raise Unresolvable(module or ".", "an import of the origin is left")


def _dynamic(node: ast.Call, own: frozenset[str]) -> Iterator[str]:
    if dotted(node.func).rpartition(".")[2] not in ("import_module", "__import__"):
        return
    for constant in ast.walk(node):
        value = constant.value if isinstance(constant, ast.Constant) else None
        if isinstance(value, str) and value and value.partition(".")[0] in {*own, ""}:
            yield f"imports from its origin by name when called: {ast.unparse(node)}"
            return


def _compiled(node: ast.Attribute, own: frozenset[str]) -> Iterator[str]:
    chain = dotted(node).split(".")
    if chain[:2] == ["torch", "ops"] and len(chain) > 3 and chain[2] in own:
        yield f"needs a compiled operator of its origin: {'.'.join(chain[:4])}"


def _required(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names:
                yield top
