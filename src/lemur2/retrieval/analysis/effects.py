"""What a statement does beyond binding a name, as far as it decides whether it must be kept."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Collection, Iterator

from lemur2.architecture.syntax import parse
from lemur2.retrieval.index.names import Definition, Outside
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.syntax.anatomy import Unit

#: Decorators that return what they are given with another docstring. They look things up in the
#: library's own file tree, so that they cannot run elsewhere; nothing computed depends on them.
DOCUMENTING = frozenset(
    {
        "add_code_sample_docstrings",
        "add_end_docstrings",
        "add_start_docstrings",
        "add_start_docstrings_to_model_forward",
        "auto_class_docstring",
        "auto_docstring",
        "replace_return_docstrings",
    }
)


def is_idle(view: OriginView, module: str, chain: str, needed: Collection[Definition]) -> bool:
    """Whether calling or decorating with `chain` changes nothing that is needed.

    So it is for decorators that only document, and for functions that write their argument into
    registries which nothing needed reads, and return it.
    """
    if chain.rpartition(".")[2] in DOCUMENTING:
        return True
    found = view.names.resolve_chain(module, chain)
    if not isinstance(found.target, Definition) or found.rest:
        return False
    registries = _registries(view, found.target)
    return registries is not None and not any(registry in needed for registry in registries)


def is_kept(view: OriginView, module: str, unit: Unit, needed: Collection[Definition]) -> bool:
    """Whether a statement that binds nothing needed must run all the same.

    It must when it changes something needed, or hands it to a function that may; and when it sets
    something in another package, if that needs nothing more than what is here.
    """
    for name in unit.touches - {""}:
        target = view.names.resolve(module, name)
        if isinstance(target, Definition) and target in needed and name not in unit.binds:
            return True
        if isinstance(target, Outside) and unit.kind == "assign" and not unit.binds:
            return _needs_nothing(view, module, unit, needed)
    for function, names in unit.calls:
        handed = {view.names.resolve(module, name) for name in names}
        if any(isinstance(t, Definition) and t in needed for t in handed):
            return not is_idle(view, module, function, needed)
    return False


def _needs_nothing(
    view: OriginView, module: str, unit: Unit, needed: Collection[Definition]
) -> bool:
    for chain in unit.reads.eager | unit.reads.lazy:
        target = view.names.resolve_chain(module, chain).target
        if isinstance(target, Definition) and target not in needed:
            return False
    return True


def _registries(view: OriginView, definition: Definition) -> set[Definition] | None:
    """What a function registers in; None where it does anything else, or may."""
    units = view.binders(definition.module, definition.name)
    if len(units) != 1 or units[0].kind != "function":
        return None
    text = view.anatomy(definition.module).text(units[0].start, units[0].end)
    function = parse(textwrap.dedent(text)).body[0]
    if not isinstance(function, ast.FunctionDef) or not function.args.args:
        return None
    parameter = function.args.args[0].arg
    if not _returns(function.body, parameter):
        return None
    written: set[Definition] = set()
    for name in _written(function.body):
        target = view.names.resolve(definition.module, name) if name else None
        if not isinstance(target, Definition):
            return None
        written.add(target)
    return written


def _returns(body: list[ast.stmt], parameter: str) -> bool:
    last = body[-1]
    return isinstance(last, ast.Return) and _is_name(last.value, parameter)


def _is_name(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _written(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements change; "" for a statement that is not understood."""
    for statement in body:
        match statement:
            case ast.Return() | ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
                yield name
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]):
                yield name
            case ast.If(body=inner, orelse=other):
                yield from _written([*inner, *other])
            case _:
                yield ""
