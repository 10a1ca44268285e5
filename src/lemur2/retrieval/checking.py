"""A last look at what was assembled, without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from lemur2.retrieval.anatomy import dotted
from lemur2.retrieval.library import Library
from lemur2.retrieval.names import Definition
from lemur2.retrieval.values import Unresolvable


def notes_on(
    source: str, library: Library, target: Definition
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a reader should know of a result, and the packages it imports when it is imported.

    Raises:
        Unresolvable: It cannot be parsed, or still imports from its origin.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise Unresolvable(target.qualified_name, f"assembly failed: {error.msg}") from error
    own = {module.partition(".")[0] for module in library.names.modules()}
    notes: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, level=level):
                if level or (module or "").partition(".")[0] in own:
                    name = f"{'.' * level}{module or ''}"
                    raise Unresolvable(name, "an import of the origin is left")
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.partition(".")[0] in own:
                        raise Unresolvable(alias.name, "an import of the origin is left")
            case ast.Call():
                notes.update(dict.fromkeys(_dynamic(node, own)))
            case ast.Attribute():
                notes.update(dict.fromkeys(_compiled(node, own)))
    return tuple(notes), tuple(sorted(set(_required(tree))))


def _dynamic(node: ast.Call, own: set[str]) -> Iterator[str]:
    if dotted(node.func).rpartition(".")[2] not in ("import_module", "__import__"):
        return
    for constant in ast.walk(node):
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
            if constant.value.partition(".")[0] in {*own, ""} and constant.value:
                yield f"imports from its origin by name when called: {ast.unparse(node)}"
                return


def _compiled(node: ast.Attribute, own: set[str]) -> Iterator[str]:
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
