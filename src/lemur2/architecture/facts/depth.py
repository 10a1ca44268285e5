"""An estimate of how many layers with weights a network's constructor makes."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lemur2.architecture.facts.survey import WEIGHTED, Survey, children, kind_of
from lemur2.architecture.toplevel import last_function, last_value

_MOST = 100_000  # an estimate stops here: a hostile loop has any length
_ENTERED = 2_000  # definitions entered in all, each once for the same arguments
_NESTED = 40  # definitions entered from one another
_UNROLLED = 64  # longest literal list whose items are told apart


def constructed_depth(survey: Survey) -> int:
    """The layers with weights that `Net()` makes; 0 where there is no class of that name."""
    net = survey.classes.get("Net")
    return 0 if net is None else _Counting(survey).made(net, None, {}, 0)


@dataclass(frozen=True)
class _Scope:
    """Where statements stand: a function, what `self` is of, what is known of local names."""

    function: ast.FunctionDef
    owner: ast.ClassDef | None
    known: Mapping[str, ast.expr]  # name -> a constant, or a list or tuple that is spelled out
    nested: int

    def with_(self, names: Mapping[str, ast.expr]) -> _Scope:
        return _Scope(self.function, self.owner, {**self.known, **names}, self.nested)


class _Counting:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.counted: dict[Any, int] = {}

    def made(
        self,
        node: ast.FunctionDef | ast.ClassDef,
        owner: ast.ClassDef | None,
        given: Mapping[str, ast.expr],
        nested: int,
    ) -> int:
        """By one call of a class or function, for what is known of its arguments."""
        if isinstance(node, ast.ClassDef):
            function, owner = self._constructor(node), node
            if function is None:
                return 0
            node = function
        values = tuple(sorted((name, ast.dump(value)) for name, value in given.items()))
        key = (id(node), id(owner), values)
        if key not in self.counted:
            if nested > _NESTED or len(self.counted) >= _ENTERED:
                return 0
            self.counted[key] = 0  # recursion counts once
            self.counted[key] = self._block(node.body, _Scope(node, owner, given, nested))
        return self.counted[key]

    def _constructor(self, node: ast.ClassDef) -> ast.FunctionDef | None:
        """Its own `__init__`, or that of the first base in the file that has one."""
        seen: set[str] = set()
        ancestor: ast.ClassDef | None = node
        while ancestor is not None and ancestor.name not in seen:
            if found := last_function(ancestor.body, "__init__"):
                return found
            seen.add(ancestor.name)
            names = [base.id for base in ancestor.bases if isinstance(base, ast.Name)]
            ancestor = next(map(self.survey.classes.get, names), None)
        return None

    def _block(self, body: Sequence[ast.stmt], scope: _Scope) -> int:
        """By statements; those that run instead of one another count as the largest of them.

        It recurses as deep as statements are nested, which Python's parser limits to a hundred.
        """
        total = 0
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if isinstance(statement, ast.If):
                total += max(self._block(branch, scope) for branch in _branches(statement))
            elif isinstance(statement, ast.For):
                total += self._loop(statement, scope)
            else:
                total += sum(self._block(inner, scope) for inner in _blocks(statement))
            total += self._expressions(statement, scope)
        return min(total, _MOST)

    def _loop(self, statement: ast.For, scope: _Scope) -> int:
        after = self._block(statement.orelse, scope)
        items = self._items(statement.iter, scope)
        if items is None or len(items) > _UNROLLED:
            times = self._length(statement.iter, scope)
            return after + times * self._block(statement.body, scope)
        runs = (scope.with_(_bound(statement.target, item)) for item in items)
        return after + sum(self._block(statement.body, run) for run in runs)

    def _expressions(self, statement: ast.stmt, scope: _Scope) -> int:
        """By the calls in a statement's own expressions, comprehensions multiplied out."""
        total = 0
        stack = [(node, 1) for node in children(statement) if not isinstance(node, ast.stmt)]
        while stack:
            node, times = stack.pop()
            if isinstance(node, ast.Lambda):
                continue
            if isinstance(node, ast.ListComp | ast.GeneratorExp):
                for loop in node.generators:
                    times = min(times * self._length(loop.iter, scope), _MOST)
            elif isinstance(node, ast.Call):
                total += times * self._call(node, scope)
            stack += [(each, times) for each in children(node) if not isinstance(each, ast.stmt)]
        return min(total, _MOST)

    def _call(self, node: ast.Call, scope: _Scope) -> int:
        called = node.func
        if layer := self.survey.layer(called):
            return int(kind_of(layer) in WEIGHTED)
        found: ast.ClassDef | ast.FunctionDef | None = None
        owner = None
        match called:
            case ast.Name(id=name):
                found = self.survey.classes.get(name) or self.survey.functions.get(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if scope.owner is not None:
                found, owner = last_function(scope.owner.body, name), scope.owner
        if found is None:
            return 0
        return self.made(found, owner, self._arguments(node, found, owner, scope), scope.nested + 1)

    def _arguments(
        self,
        node: ast.Call,
        called: ast.ClassDef | ast.FunctionDef,
        owner: ast.ClassDef | None,
        scope: _Scope,
    ) -> dict[str, ast.expr]:
        """What is known of the arguments, by the names of the parameters."""
        function = self._constructor(called) if isinstance(called, ast.ClassDef) else called
        if function is None or any(isinstance(each, ast.Starred) for each in node.args):
            return {}
        is_method = isinstance(called, ast.ClassDef) or owner is not None
        arguments = function.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)][int(is_method) :]
        pairs = [*zip(names, node.args, strict=False)]
        pairs += [(each.arg, each.value) for each in node.keywords if each.arg is not None]
        known = ((name, self._literal(value, scope)) for name, value in pairs)
        return {name: value for name, value in known if value is not None}

    def _literal(self, expression: ast.expr, scope: _Scope) -> ast.expr | None:
        """A number, list or tuple that is spelled out, here or where the name got its value."""
        if isinstance(expression, ast.Name):
            name = expression.id
            found = scope.known.get(name) or last_value(scope.function.body, name)
            found = found or _default(scope.function, name)
            found = found or last_value(self.survey.tree.body, name)
            expression = found or expression
        match expression:
            case ast.Constant(value=int()) | ast.List() | ast.Tuple():
                return expression
        return None

    def _items(self, expression: ast.expr, scope: _Scope) -> list[ast.expr] | None:
        """What a loop goes through, where that is spelled out."""
        match expression:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
                items = self._items(inner, scope)
                return items and [_row(ast.Constant(i), each) for i, each in enumerate(items)]
            case ast.Call(func=ast.Name(id="reversed"), args=[inner]):
                items = self._items(inner, scope)
                return items and items[::-1]
            case ast.Call(func=ast.Name(id="zip"), args=inners):
                columns = [self._items(inner, scope) for inner in inners]
                if any(column is None for column in columns):
                    return None
                known = [column for column in columns if column is not None]
                return [_row(*row) for row in zip(*known, strict=False)]
        found = self._literal(expression, scope)
        return found.elts if isinstance(found, ast.List | ast.Tuple) else None

    def _length(self, expression: ast.expr, scope: _Scope) -> int:
        """How often a loop over this runs, where that is known; else 1."""
        match expression:
            case ast.Call(func=ast.Name(id="range"), args=[end]):
                return self._number(end, scope, 1)
            case ast.Call(func=ast.Name(id="range"), args=[start, end]):
                last = self._number(end, scope, -1)
                return 1 if last < 0 else max(0, last - self._number(start, scope, 0))
        items = self._items(expression, scope)
        return 1 if items is None else len(items)

    def _number(self, expression: ast.expr, scope: _Scope, unknown: int) -> int:
        match expression:
            case ast.Call(func=ast.Name(id="len"), args=[inner]):
                return self._length(inner, scope)
            case ast.BinOp(left=left, op=ast.Sub(), right=ast.Constant(value=int(less))):
                number = self._number(left, scope, unknown)
                return number if number == unknown else max(0, number - less)
        match self._literal(expression, scope):
            case ast.Constant(value=int(number)):
                return max(0, min(int(number), _MOST))
        return unknown


def _row(*items: ast.expr) -> ast.expr:
    return ast.Tuple(elts=list(items), ctx=ast.Load())


def _bound(target: ast.expr, item: ast.expr) -> dict[str, ast.expr]:
    """The names of a loop's target with their values, nested ones included."""
    match target, item:
        case ast.Name(id=name), ast.Constant() | ast.List() | ast.Tuple():
            return {name: item}
        case ast.Tuple(elts=names), ast.Tuple(elts=values) | ast.List(elts=values):
            pairs = zip(names, values, strict=False)
            return {k: v for name, value in pairs for k, v in _bound(name, value).items()}
    return {}


def _default(function: ast.FunctionDef, name: str) -> ast.expr | None:
    """The default of a parameter."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    pairs: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(reversed(named), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next((value for parameter, value in pairs if parameter.arg == name), None)


def _branches(statement: ast.If) -> list[list[ast.stmt]]:
    """The alternatives of an `if`, a chain of `elif` as one."""
    found = [statement.body]
    while len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If):
        statement = statement.orelse[0]
        found.append(statement.body)
    return [*found, statement.orelse]


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    match statement:
        case ast.While():
            return [statement.body, statement.orelse]
        case ast.With():
            return [statement.body]
        case ast.Try() | ast.TryStar():
            return [statement.body, statement.orelse, statement.finalbody]
    return []
