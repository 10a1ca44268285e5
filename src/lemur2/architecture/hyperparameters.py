"""The hyperparameters that a network declares, read from the syntax tree where it spells them."""

import ast
from collections.abc import Collection, Iterator

from lemur2.architecture.contract import require_arguments
from lemur2.architecture.toplevel import last_function, last_value
from lemur2.architecture.verdict import Refusal, Verdict
from lemur2.texts import LONGEST_NAME, MOST_NAMES, wrong_names

FUNCTION = "supported_hyperparameters"
_COLLECTIONS = frozenset({"set", "frozenset", "list", "tuple"})


def declared_hyperparameters(tree: ast.Module) -> tuple[frozenset[str] | None, list[str]]:
    """What `supported_hyperparameters` returns, and warnings.

    None where it is not spelled out: a set, list, tuple or dict of strings, such a one in `set`
    or the like, or a variable that holds one.

    Raises:
        Refusal: With verdict `contract`, where there is no such function at the top level.
    """
    function = last_function(tree.body, FUNCTION)
    if function is None:
        raise Refusal(
            Verdict.CONTRACT,
            f"there is no function {FUNCTION}() at the top level",
            remedy=f"add at the top level: def {FUNCTION}(): return {{'lr', 'momentum'}}",
        )
    require_arguments(function, 0, "()")
    returned = [r.value for r in _returns(function.body) if r.value is not None]
    if len(returned) != 1:
        return None, []
    expression = _resolve(returned[0], function, tree)
    warnings = []
    if isinstance(expression, ast.Dict | ast.List | ast.Tuple):
        kind = type(expression).__name__.lower()
        warnings.append(f"line {function.lineno}: {FUNCTION} returns a {kind}, not a set")
    found = _strings(expression)
    check_names(found or (), function.lineno)
    return found, warnings


def check_names(names: Collection[str], line: int | None = None) -> None:
    """Refuse names that are too many, or that no file, table or terminal should be given.

    Raises:
        Refusal: With verdict `contract`.
    """
    if wrong := wrong_names(names):
        raise Refusal(
            Verdict.CONTRACT,
            f"{FUNCTION} returns {wrong}",
            line,
            f"return at most {MOST_NAMES} identifiers of at most {LONGEST_NAME} characters",
        )


def _returns(body: list[ast.stmt]) -> Iterator[ast.Return]:
    """The return statements of a function, not those of functions inside it."""
    stack: list[ast.AST] = [*body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            stack += ast.iter_child_nodes(node)


def _resolve(expression: ast.expr, function: ast.FunctionDef, tree: ast.Module) -> ast.expr:
    """A variable's value, local before global; anything else as it is."""
    if not isinstance(expression, ast.Name):
        return expression
    local = last_value(function.body, expression.id)
    return local or last_value(tree.body, expression.id) or expression


def _strings(expression: ast.expr) -> frozenset[str] | None:
    """The strings that a literal collection holds (a dict's keys); None for anything else."""
    match expression:
        case ast.Set(elts=items) | ast.List(elts=items) | ast.Tuple(elts=items):
            return _constants(items)
        case ast.Dict(keys=keys):
            return _constants(keys)
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name in _COLLECTIONS:
            return frozenset()
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _COLLECTIONS:
            return _strings(inner)
    return None


def _constants(items: list[ast.expr] | list[ast.expr | None]) -> frozenset[str] | None:
    names = set()
    for item in items:
        if not (isinstance(item, ast.Constant) and isinstance(item.value, str)):
            return None
        names.add(item.value)
    return frozenset(names)
