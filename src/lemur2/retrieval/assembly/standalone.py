"""Static checks of an extracted block: does its text stand alone? Nothing is run."""

from __future__ import annotations

import builtins
import dis
import symtable
import warnings
from collections.abc import Iterator
from types import CodeType

from lemur2.architecture.syntax import parse
from lemur2.retrieval.library.stages import Stage

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
            code = compile(source, "<block>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            stage = Stage.PARSED if _parses(source) else Stage.EXTRACTED
            return stage, f"{type(error).__name__}: {_one_line(error)}"
        undefined = undefined_names(source)
    if undefined:
        return Stage.COMPILED, f"undefined: {', '.join(undefined[:8])}"
    imported = set(_imports(code))
    origin = sorted(set(packages) & {module.partition(".")[0] for module, _ in imported})
    if origin or any(level > 0 for _, level in imported):
        return Stage.COMPILED, f"imports its origin: {', '.join(origin) or 'relatively'}"
    return Stage.CLOSED, ""


def _parses(source: str) -> bool:
    try:
        parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


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


def _imports(code: CodeType) -> Iterator[tuple[str, int]]:
    """Module and level of all that a code object imports, at any depth.

    Read from the instructions: whole models are megabytes of source, and their syntax tree as
    Python objects costs several times what compiling them does.
    """
    if dis.opmap["IMPORT_NAME"] in code.co_code[::2]:
        found = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
        for place, instruction in enumerate(found):
            if instruction.opname == "IMPORT_NAME":  # after its level and its list of names
                yield instruction.argval, found[place - 2].argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _imports(constant)


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        if child.get_type() not in ("annotation",):
            yield child
        yield from _scopes(child)


def _binds_global(symbol: symtable.Symbol) -> bool:
    return symbol.is_declared_global() and symbol.is_assigned()


def _reads_global(symbol: symtable.Symbol) -> bool:
    return symbol.is_global() and symbol.is_referenced()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
