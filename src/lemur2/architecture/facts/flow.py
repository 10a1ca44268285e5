"""What happens on the way of `forward`: additions of what comes from the input, concatenations."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lemur2.architecture.facts.survey import Survey, children
from lemur2.architecture.toplevel import statements

# What is asked of a tensor here is not a tensor.
_SIZES = frozenset({"shape", "size", "dim", "ndim", "device", "dtype", "numel"})
_ADDING = frozenset({"add", "add_"})
_CONCATENATING = frozenset({"cat", "concat", "concatenate", "hstack", "dstack"})
_PRODUCTS = frozenset({"matmul", "bmm", "mm", "einsum", "baddbmm"})


class Flow:
    """Traits that only the flow of values shows.

    Attributes:
        residual, concatenation: On the way of any `forward` of the file.
        attention: A function on it has a softmax and two matrix products.
    """

    def __init__(self, survey: Survey) -> None:
        self.residual = self.concatenation = self.attention = False
        for function in _on_the_way(survey):
            self._read(function)

    def _read(self, function: ast.FunctionDef) -> None:
        arguments = function.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        inputs = {argument.arg for argument in given} - {"self"}
        if arguments.vararg:
            inputs.add(arguments.vararg.arg)
        products, softmax = 0, False
        for statement in statements(function.body):
            for node in _expressions(statement):
                name = _called(node)
                is_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
                products += is_product or name in _PRODUCTS
                softmax = softmax or name in ("softmax", "Softmax")
                self.concatenation = self.concatenation or name in _CONCATENATING
                self.residual = self.residual or _adds(node, inputs)
            _assign(statement, inputs)
            if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
                both = _comes(statement.target, inputs) and _comes(statement.value, inputs)
                self.residual = self.residual or both
        self.attention = self.attention or (softmax and products >= 2)


def _on_the_way(survey: Survey) -> Iterator[ast.FunctionDef]:
    """Every `forward`, and what these call of the file's own methods and functions, by name."""
    methods: dict[str, list[ast.FunctionDef]] = {}
    for cls in survey.classes.values():
        for statement in statements(cls.body):
            if isinstance(statement, ast.FunctionDef):
                methods.setdefault(statement.name, []).append(statement)
    todo = list(methods.get("forward", ()))
    seen = {id(function) for function in todo}
    for function in todo:  # grows while it is walked
        yield function
        for node in _walk(function):
            found = methods.get(_method(node), [])
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found = [f for f in (survey.functions.get(node.func.id),) if f is not None]
            todo += [each for each in found if id(each) not in seen]
            seen.update(map(id, found))


def _method(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            return name
    return ""


def _called(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name
    return ""


def _adds(node: ast.AST, inputs: set[str]) -> bool:
    """Whether it adds two values that both come from the inputs."""
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _comes(left, inputs) and _comes(right, inputs)
        case ast.Call(func=ast.Attribute(value=base, attr=name), args=args) if name in _ADDING:
            operands = args[:2] if len(args) > 1 else [base, *args]
            return len(operands) == 2 and all(_comes(each, inputs) for each in operands)
    return False


def _assign(statement: ast.stmt, inputs: set[str]) -> None:
    """Note which names now come from the inputs, and which no longer do."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            pass
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            targets = [target]
        case ast.For(target=target, iter=value):
            targets = [target]
        case _:
            return
    names = {n.id for target in targets for n in _walk(target) if isinstance(n, ast.Name)}
    if _comes(value, inputs):
        inputs |= names
    elif not isinstance(statement, ast.For):
        inputs -= names


def _comes(expression: ast.AST, inputs: set[str]) -> bool:
    """Whether a value depends on the inputs, other than on their sizes."""
    stack: list[ast.AST] = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Attribute) and node.attr in _SIZES:
            continue
        if isinstance(node, ast.Call) and _called(node) in ("len", "range", "int", "isinstance"):
            continue
        if isinstance(node, ast.Name) and node.id in inputs:
            return True
        stack += children(node)
    return False


def _expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement's own expressions, not of statements inside it."""
    for child in children(statement):
        if not isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from _walk(child)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)
