"""Static checks of an extracted block: does its text stand alone? Nothing is run."""

from __future__ import annotations

import ast
import builtins
import symtable
import warnings
from collections.abc import Iterator

from lemur2.retrieval.stages import Stage

_GIVEN = frozenset(dir(builtins)) | {
    *("__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__"),
    *("__class__", "__annotations__", "__dict__", "__module__", "__qualname__", "__path__"),
}


def closed_to(source: str, packages: tuple[str, ...]) -> tuple[Stage, str]:
    """How far a text gets without being run, and why not further.

    Args:
        source: A module's text.
        packages: Top-level names that it must not import: those of the library it came from.

    Returns:
        `closed` and "", or the last of `extracted`, `parsed`, `compiled` that it passed and the
        reason: a syntax error with its line, the names that are undefined in any of its functions
        and classes, or an import of its origin.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in the origin's own texts
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Stage.EXTRACTED, f"{type(error).__name__}: {_one_line(error)}"
        try:
            compile(source, "<block>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            return Stage.PARSED, f"{type(error).__name__}: {_one_line(error)}"
        undefined = undefined_names(source)
    if undefined:
        return Stage.COMPILED, f"undefined: {', '.join(undefined[:8])}"
    origin = sorted(set(packages) & set(imported_packages(tree)))
    if origin or any(_relative(node) for node in ast.walk(tree)):
        return Stage.COMPILED, f"imports its origin: {', '.join(origin) or 'relatively'}"
    return Stage.CLOSED, ""


def undefined_names(source: str) -> list[str]:
    """Names that some scope reads as global and that the module never binds, sorted.

    What is bound anywhere at the top level counts as bound, whatever the order or condition; star
    imports are followed nowhere, so that a name from one counts as undefined.
    """
    top = symtable.symtable(source, "<block>", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    scopes = list(_scopes(top))
    for scope in scopes:
        bound |= {s.get_name() for s in scope.get_symbols() if _binds_global(s)}
    read = {s.get_name() for scope in scopes for s in scope.get_symbols() if _reads_global(s)}
    read |= {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    return sorted(read - bound - _GIVEN)


def imported_packages(tree: ast.AST) -> Iterator[str]:
    """Top-level names of all that a tree imports, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        if child.get_type() not in ("annotation",):
            yield child
        yield from _scopes(child)


def _binds_global(symbol: symtable.Symbol) -> bool:
    return symbol.is_declared_global() and symbol.is_assigned()


def _reads_global(symbol: symtable.Symbol) -> bool:
    return symbol.is_global() and symbol.is_referenced()


def _relative(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.level > 0


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
