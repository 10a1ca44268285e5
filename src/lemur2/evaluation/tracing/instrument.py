"""A candidate's program with numbers that know where they were written."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from lemur2.evaluation.tracing import symbols

LITERAL, VIA, INT, FLOAT, RANGE, TYPE, TENSOR = (
    "_lemur2_literal",
    "_lemur2_via",
    "_lemur2_int",
    "_lemur2_float",
    "_lemur2_range",
    "_lemur2_type",
    "_lemur2_tensor",
)

# Builtins whose arguments are no sizes of anything, so no place to change a number at.
_NOT_SIZES = frozenset(
    {
        *("isinstance", "issubclass", "len", "print", "enumerate", "zip", "getattr", "hasattr"),
        *("setattr", "super", "range", "type", "str", "repr", "list", "tuple", "set", "dict"),
        *("sorted", "reversed", "iter", "next", "id", "callable", "format", "any", "all"),
    }
)
# Parts of a candidate that build nothing.
_NOT_TRACED = frozenset({"learn", "train_setup", "supported_hyperparameters"})
_SPECIAL = {"int": INT, "float": FLOAT, "range": RANGE, "type": TYPE}


@dataclass
class Site:
    """A place in the source that a number can be changed at.

    Attributes:
        kind: `lit`, a number, or `via`, an argument of a call.
        start, end: (line, column) of its text; lines from 1, columns in bytes of UTF-8.
        values: The different values that it had.
        count: How often it was evaluated.
    """

    kind: str
    start: tuple[int, int]
    end: tuple[int, int]
    values: set[Any] = field(default_factory=set)
    count: int = 0


class Instrumented:
    """A compiled program and the sites in it. Raises SyntaxError where it does not parse."""

    def __init__(self, source: str, file_name: str, tape: symbols.Tape) -> None:
        self.tape = tape
        self.sites: list[Site] = []
        tree = _Rewriter(self.sites).visit(ast.parse(source))
        self.code = compile(ast.fix_missing_locations(tree), file_name, "exec")

    def names(self) -> dict[str, Callable[..., Any]]:
        """What the program calls, to be put among its globals."""
        return {
            LITERAL: self._literal,
            VIA: self._via,
            INT: _number_type(int, "int"),
            FLOAT: _number_type(float, "float"),
            RANGE: _range,
            TYPE: _type,
            TENSOR: _tensor,
        }

    def _literal(self, site: int, value: Any) -> Any:
        self._evaluated(site, value)
        return symbols.traced(value, self.tape.node(("lit", site), value))

    def _via(self, site: int, value: Any) -> Any:
        if not symbols.is_number(value):
            return value
        bare = symbols.plain(value)
        self._evaluated(site, bare)
        return symbols.traced(bare, self.tape.node(("via", site, self.tape.of(value)), bare))

    def _evaluated(self, site: int, value: Any) -> None:
        found = self.sites[site]
        found.count += 1
        if len(found.values) < 16:
            found.values.add(value)


def _number_type(base: type, name: str) -> Callable[..., Any]:
    def convert(*arguments: Any, **options: Any) -> Any:
        if len(arguments) == 1 and not options:
            value = arguments[0]
            if isinstance(value, symbols.TracedInt | symbols.TracedFloat):
                return value if isinstance(value, base) else symbols.unary(name, value)
        return base(*arguments, **options)

    return convert


def _range(*arguments: Any) -> range:
    for argument in arguments:
        symbols.count(argument)
    return range(*map(symbols.plain, arguments))


def _tensor(function: Any) -> Any:
    """A tensor class's constructor from sizes, which torch's hooks do not see, by one they do."""
    if function is not torch.Tensor and function is not torch.FloatTensor:
        return function

    def construct(*arguments: Any, **options: Any) -> Any:
        if arguments and not options and all(map(symbols.is_number, arguments)):
            return torch.empty(*arguments)
        return function(*arguments, **options)

    return construct


def _type(*arguments: Any) -> Any:
    if len(arguments) == 1:
        if isinstance(arguments[0], symbols.TracedInt):
            return int
        if isinstance(arguments[0], symbols.TracedFloat):
            return float
    return type(*arguments)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, sites: list[Site]) -> None:
        self.sites = sites

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not _is_number(node) or not math.isfinite(node.value):  # type: ignore[arg-type]
            return node
        return self._call(LITERAL, self._site("lit", node), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        sizes = name not in _NOT_SIZES
        node.func = self._special(node) or self.visit(node.func)
        node.args = [self._argument(each, sizes) for each in node.args]
        for keyword in node.keywords:
            keyword.value = self._argument(keyword.value, sizes)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value = self.visit(node.value)
        if isinstance(node.slice, ast.Slice | ast.Tuple) or not _is_number(node.slice):
            node.slice = self.visit(node.slice)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if node.name in _NOT_TRACED:
            return node
        node.args = self.visit(node.args)
        node.body = [self.visit(each) for each in node.body]
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        node.body = [self.visit(each) for each in node.body]
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        return node

    def _special(self, node: ast.Call) -> ast.expr | None:
        """Builtins that would forget where a number came from, by ones that do not."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name in ("Tensor", "FloatTensor"):
            called = ast.Call(ast.Name(TENSOR, ast.Load()), [self.visit(node.func)], [])
            return ast.copy_location(called, node.func)
        if not isinstance(node.func, ast.Name) or node.func.id not in _SPECIAL:
            return None
        return ast.copy_location(ast.Name(_SPECIAL[node.func.id], ast.Load()), node.func)

    def _argument(self, node: ast.expr, sizes: bool) -> ast.expr:
        if isinstance(node, ast.Starred):
            return ast.copy_location(ast.Starred(self.visit(node.value), node.ctx), node)
        if not sizes or isinstance(node, _NO_NUMBER) or _is_number(node):
            return self.visit(node)
        site = self._site("via", node)
        return self._call(VIA, site, self.visit(node))

    def _site(self, kind: str, node: ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        self.sites.append(Site(kind, start, end))
        return len(self.sites) - 1

    def _call(self, name: str, site: int, node: ast.expr) -> ast.expr:
        called = ast.Call(ast.Name(name, ast.Load()), [ast.Constant(site), node], [])
        return ast.copy_location(called, node)


_NO_NUMBER = (
    *(ast.Lambda, ast.JoinedStr, ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Tuple),
    *(ast.Set, ast.SetComp, ast.GeneratorExp, ast.Compare, ast.Constant),
)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and symbols.is_number(node.value)
