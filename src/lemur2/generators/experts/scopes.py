"""Which names of a module are its top level's, wherever they are used: Python's scoping, read.

A name in a function belongs to the nearest function around it that binds it, class bodies left
out, and else to the module; a class body sees its own names before those around it. Comprehensions
are functions whose first iterable is evaluated outside.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["module", "class", "function", "comprehension"]


class Unclear(Exception):
    """Reading the source does not tell what a name belongs to."""


@dataclass
class Scope:
    """What one scope binds, and what it declares as another's."""

    kind: Kind
    parent: Scope | None
    bound: set[str] = field(default_factory=set)
    global_: set[str] = field(default_factory=set)
    nonlocal_: set[str] = field(default_factory=set)

    def is_module_level(self, name: str) -> bool:
        """Whether a use of the name here means the module's, or a builtin.

        Raises:
            Unclear: In a class body that binds the name too: order of execution decides.
        """
        scope: Scope | None = self
        while scope is not None and scope.kind != "module":
            if name in scope.global_:
                return True
            own = name in scope.bound and name not in scope.nonlocal_
            if own and scope.kind != "class":
                return False
            if own and scope is self:
                raise Unclear(f"{name} is bound in a class body and used there")
            scope = scope.parent
        return True


@dataclass(frozen=True)
class Use:
    """A place in the text that names something: `node` starts at it, or (`after`) before it.

    Attributes:
        name: As it is written.
        node: The node.
        scope: Where it is used.
        after: The keyword that stands between the node's start and the name: `def`, `class`,
            `global`; "" where the node is the name.
        binds: Whether this place binds it.
    """

    name: str
    node: ast.AST
    scope: Scope
    after: str = ""
    binds: bool = False


def uses_of_module_names(tree: ast.Module, names: Collection[str]) -> Iterator[Use]:
    """Every place outside import statements that means one of these names of the top level.

    Raises:
        Unclear: Where reading does not tell.
    """
    reader = _Reader()
    reader.visit(tree)
    for use in reader.uses:
        if use.name not in names:
            continue
        if use.binds and use.scope.kind == "class" and use.name not in use.scope.global_:
            continue
        if use.scope.is_module_level(use.name):
            yield use


class _Reader(ast.NodeVisitor):
    """Walks a tree with the scope that it is in; `uses` are resolved when all is known."""

    def __init__(self) -> None:
        self.scope = Scope("module", None)
        self.uses: list[Use] = []

    def _use(self, name: str, node: ast.AST, after: str = "", *, binds: bool = False) -> None:
        scope = self.scope
        if isinstance(node, ast.NamedExpr):  # binds outside the comprehensions that it is in
            while scope.kind == "comprehension" and scope.parent is not None:
                scope = scope.parent
        if binds:
            scope.bound.add(name)
        self.uses.append(Use(name, node, scope, after, binds))

    def _inside(
        self, kind: Kind, *parts: ast.AST | Sequence[ast.AST], args: ast.arguments | None = None
    ) -> None:
        """Visit parts in a new scope."""
        self.scope = Scope(kind, self.scope)
        if args is not None:
            self.scope.bound |= {arg.arg for arg in _arguments(args)}
        self._visit_all(*parts)
        assert self.scope.parent is not None
        self.scope = self.scope.parent

    def _visit_all(self, *parts: ast.AST | Sequence[ast.AST | None] | None) -> None:
        for part in parts:
            if isinstance(part, ast.AST):
                self.visit(part)
            elif part is not None:
                self._visit_all(*part)

    def visit_Name(self, node: ast.Name) -> None:
        self._use(node.id, node, binds=not isinstance(node.ctx, ast.Load))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._use(node.target.id, node, binds=True)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        _no_type_parameters(node)
        self._use(node.name, node, "def", binds=True)
        args = node.args
        annotations = [arg.annotation for arg in _arguments(args)]
        self._visit_all(node.decorator_list, args.defaults, args.kw_defaults, annotations)
        self._visit_all(node.returns)
        self._inside("function", node.body, args=args)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_all(node.args.defaults, node.args.kw_defaults)
        self._inside("function", node.body, args=node.args)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        _no_type_parameters(node)
        self._use(node.name, node, "class", binds=True)
        self._visit_all(node.decorator_list, node.bases, node.keywords)
        self._inside("class", node.body)

    def _comprehension(self, generators: list[ast.comprehension], *results: ast.expr) -> None:
        first, *others = generators
        self.visit(first.iter)
        self._inside("comprehension", first.target, first.ifs, others, list(results))

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node.generators, node.elt)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node.generators, node.elt)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node.generators, node.elt)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, node.key, node.value)

    def visit_Global(self, node: ast.Global) -> None:
        self.scope.global_ |= set(node.names)
        for name in node.names:
            self._use(name, node, "global")

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.nonlocal_ |= set(node.names)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if self.scope.kind != "module":
            self.scope.bound |= {
                alias.asname or alias.name.partition(".")[0] for alias in node.names
            }

    def visit_Import(self, node: ast.Import) -> None:
        self._import(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._import(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._bind_unnamed(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._bind_unnamed(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._bind_unnamed(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._bind_unnamed(node.rest)
        self.generic_visit(node)

    def _bind_unnamed(self, name: str | None) -> None:
        """A binding that no node of its own stands for."""
        if name is None:
            return
        if self.scope.kind == "module":
            raise Unclear(f"the top level binds {name} in a way that is not followed")
        self.scope.bound.add(name)


def _arguments(args: ast.arguments) -> list[ast.arg]:
    found = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return found + [arg for arg in (args.vararg, args.kwarg) if arg is not None]


def _no_type_parameters(node: ast.AST) -> None:
    if getattr(node, "type_params", None):
        raise Unclear("type parameters are not followed")
