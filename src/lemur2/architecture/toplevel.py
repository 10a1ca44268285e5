"""What a module defines at its top level, by name; the last definition wins, as when it runs."""

import ast
from collections.abc import Iterator, Sequence


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the body does, in order, those in `if`, `try`, ... included.

    With a stack of its own: a hostile `elif` chain is deeper than Python's.
    """
    stack = [*reversed(body)]
    while stack:
        statement = stack.pop()
        yield statement
        stack += reversed(_inner(statement))


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    match statement:
        case ast.If() | ast.For() | ast.While():
            return [*statement.body, *statement.orelse]
        case ast.With():
            return statement.body
        case ast.Try() | ast.TryStar():
            handled = [inner for handler in statement.handlers for inner in handler.body]
            return [*statement.body, *handled, *statement.orelse, *statement.finalbody]
    return []


def classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """The classes of the module's top level by name."""
    return {s.name: s for s in statements(tree.body) if isinstance(s, ast.ClassDef)}


def last_function(body: Sequence[ast.stmt], name: str) -> ast.FunctionDef | None:
    """The function of this name among the statements of a module or a class."""
    found = [s for s in statements(body) if isinstance(s, ast.FunctionDef) and s.name == name]
    return found[-1] if found else None


def last_value(body: Sequence[ast.stmt], name: str) -> ast.expr | None:
    """The expression that a plain assignment gives to this name."""
    value = None
    for statement in statements(body):
        match statement:
            case ast.Assign(targets=targets, value=given):
                if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    value = given
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as given):
                if target == name:
                    value = given
    return value
