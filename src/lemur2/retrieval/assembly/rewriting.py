"""Changing names in a definition without touching anything else, on LibCST's syntax tree.

Needed where a name must be another one in the result, where a chain through a module of the origin
becomes a plain name, and where a function imports from the origin. The rest of the text, comments
and formatting included, stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import libcst as cst

from lemur2.retrieval.assembly.changes import ImportText, LocalChange

# LibCST calls methods by the names of its nodes.
# ruff: noqa: N802


def rewrite(text: str, names: Mapping[str, str], imports: Mapping[ImportText, LocalChange]) -> str:
    """Rewrite one top-level statement.

    Args:
        text: The statement.
        names: Chains of the module to what they are called in the result.
        imports: Imports of the origin inside functions to what becomes of them.
    """
    module = cst.parse_module(text)
    return module.visit(_Rewriter(names, imports)).code


@dataclass
class _Scope:
    kind: str
    names: Counter[str]
    aliases: dict[str, Mapping[str, str]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)


class _Bound(cst.CSTVisitor):
    """Counts the names that one scope binds, without those of scopes inside it."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self.outer: set[str] = set()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.names[node.name.value] += 1
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self.names[node.name.value] += 1
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_CompFor(self, node: cst.CompFor) -> bool:
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._target(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._target(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._target(node.target)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._target(node.target)

    def visit_For(self, node: cst.For) -> None:
        self._target(node.target)

    def visit_AsName(self, node: cst.AsName) -> None:
        self._target(node.name)

    def visit_Del(self, node: cst.Del) -> None:
        self._target(node.target)

    def visit_MatchAs(self, node: cst.MatchAs) -> None:
        if node.name is not None:
            self.names[node.name.value] += 1

    def visit_MatchStar(self, node: cst.MatchStar) -> None:
        if node.name is not None:
            self.names[node.name.value] += 1

    def visit_Import(self, node: cst.Import) -> bool:
        for alias in node.names:
            self.names[_bound(alias, whole=False)] += 1
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        if not isinstance(node.names, cst.ImportStar):
            for alias in node.names:
                self.names[_bound(alias, whole=True)] += 1
        return False

    def visit_Global(self, node: cst.Global) -> None:
        self.outer.update(item.name.value for item in node.names)

    def visit_Nonlocal(self, node: cst.Nonlocal) -> None:
        self.outer.update(item.name.value for item in node.names)

    def _target(self, node: cst.BaseExpression) -> None:
        match node:
            case cst.Name(value=name):
                self.names[name] += 1
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                for element in elements:
                    self._target(element.value)


class _Rewriter(cst.CSTTransformer):
    def __init__(self, names: Mapping[str, str], imports: Mapping[ImportText, LocalChange]) -> None:
        super().__init__()
        self._names = names
        self._imports = imports
        self._scopes: list[_Scope] = []
        self._kept: set[int] = set()  # nodes that are no reads of names: attributes, keywords

    # Scopes.

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        if self._scopes:
            self._kept.add(id(node.name))
        return True

    def visit_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._push("function", node.params, node.body)

    def leave_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._scopes.pop()

    def visit_Lambda_body(self, node: cst.Lambda) -> None:
        self._push("function", node.params, node.body)

    def leave_Lambda_body(self, node: cst.Lambda) -> None:
        self._scopes.pop()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        if self._scopes:
            self._kept.add(id(node.name))

    def visit_ClassDef_body(self, node: cst.ClassDef) -> None:
        self._push("class", None, node.body)

    def leave_ClassDef_body(self, node: cst.ClassDef) -> None:
        self._scopes.pop()

    def visit_GeneratorExp(self, node: cst.GeneratorExp) -> None:
        self._comprehension(node.for_in)

    def visit_ListComp(self, node: cst.ListComp) -> None:
        self._comprehension(node.for_in)

    def visit_SetComp(self, node: cst.SetComp) -> None:
        self._comprehension(node.for_in)

    def visit_DictComp(self, node: cst.DictComp) -> None:
        self._comprehension(node.for_in)

    def leave_GeneratorExp(
        self, original_node: cst.GeneratorExp, updated_node: cst.GeneratorExp
    ) -> cst.GeneratorExp:
        self._scopes.pop()
        return updated_node

    def leave_ListComp(
        self, original_node: cst.ListComp, updated_node: cst.ListComp
    ) -> cst.ListComp:
        self._scopes.pop()
        return updated_node

    def leave_SetComp(self, original_node: cst.SetComp, updated_node: cst.SetComp) -> cst.SetComp:
        self._scopes.pop()
        return updated_node

    def leave_DictComp(
        self, original_node: cst.DictComp, updated_node: cst.DictComp
    ) -> cst.DictComp:
        self._scopes.pop()
        return updated_node

    def _comprehension(self, clause: cst.CompFor | None) -> None:
        bound = _Bound()
        while clause is not None:
            bound._target(clause.target)
            clause = clause.inner_for_in
        self._scopes.append(_Scope("comprehension", bound.names))

    def _push(self, kind: str, params: cst.Parameters | None, body: cst.CSTNode) -> None:
        bound = _Bound()
        body.visit(bound)
        scope = _Scope(kind, bound.names, outer=bound.outer)
        for name in _parameter_names(params):
            scope.names[name] += 1
        for name in bound.outer:
            del scope.names[name]
        self._scopes.append(scope)

    def _scope_of(self, name: str) -> _Scope | None:
        for index in range(len(self._scopes) - 1, -1, -1):
            scope = self._scopes[index]
            above = self._scopes[index + 1 :]
            if scope.kind == "class" and any(inner.kind != "comprehension" for inner in above):
                continue
            if name in scope.names:
                return scope
        return None

    # Names.

    def visit_Param(self, node: cst.Param) -> None:
        self._kept.add(id(node.name))

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self._kept.add(id(node.keyword))

    def visit_MatchKeywordElement(self, node: cst.MatchKeywordElement) -> None:
        self._kept.add(id(node.key))

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._kept.add(id(node.attr))

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        chain = _dotted(original_node)
        new = self._new_name(chain) if chain else None
        return _with_parentheses(new, updated_node) if new else updated_node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        if id(original_node) in self._kept:
            return updated_node
        new = self._new_name(original_node.value)
        return _with_parentheses(new, updated_node) if new else updated_node

    def _new_name(self, chain: str) -> str | None:
        first, _, rest = chain.partition(".")
        scope = self._scope_of(first)
        if scope is None:
            return self._names.get(chain)
        alias = scope.aliases.get(first)
        return alias.get(rest) if alias is not None and rest else None

    # Imports inside functions.

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.BaseSmallStatement | cst.FlattenSentinel[cst.BaseSmallStatement] | cst.RemovalSentinel:
        if isinstance(original_node.names, cst.ImportStar):
            return updated_node
        module = "." * len(original_node.relative)
        module += _dotted(original_node.module) if original_node.module is not None else ""
        kept: list[cst.ImportAlias] = []
        instead: list[cst.BaseSmallStatement] = []
        for alias in original_node.names:
            key = (module, _dotted(alias.name), _bound(alias, whole=True))
            change = self._imports.get(key)
            if change is not None and change.renamed is None:
                instead += self._instead(change)
            else:
                kept.append(_renamed(alias, change))
        if not instead and len(kept) == len(original_node.names):
            changed = any(c.renamed for c in self._imports.values())
            return updated_node.with_changes(names=kept) if changed else updated_node
        if kept:
            rest = updated_node.with_changes(names=kept, lpar=None, rpar=None)
            instead.insert(0, rest)
        return cst.FlattenSentinel(instead) if instead else cst.RemoveFromParent()

    def leave_Import(
        self, original_node: cst.Import, updated_node: cst.Import
    ) -> cst.BaseSmallStatement | cst.FlattenSentinel[cst.BaseSmallStatement] | cst.RemovalSentinel:
        kept: list[cst.ImportAlias] = []
        instead: list[cst.BaseSmallStatement] = []
        for alias in original_node.names:
            key = (_dotted(alias.name), None, _bound(alias, whole=False))
            change = self._imports.get(key)
            if change is not None and change.renamed is None:
                instead += self._instead(change)
            else:
                kept.append(_renamed(alias, change))
        if not instead and len(kept) == len(original_node.names):
            changed = any(c.renamed for c in self._imports.values())
            return updated_node.with_changes(names=kept) if changed else updated_node
        if kept:
            instead.insert(0, updated_node.with_changes(names=kept))
        return cst.FlattenSentinel(instead) if instead else cst.RemoveFromParent()

    def _instead(self, change: LocalChange) -> list[cst.BaseSmallStatement]:
        scope = self._scopes[-1] if self._scopes else None
        if change.missing:
            return [_statement(f'raise ImportError("{change.bound} is not part of this block")')]
        if scope is not None and change.chains:
            scope.aliases[change.bound] = change.chains
        if change.name is None:
            return []
        bound_elsewhere = scope is not None and scope.names[change.bound] > 1
        declared = scope is not None and change.bound in scope.outer
        if change.name != change.bound:
            return [_statement(f"{change.bound} = {change.name}")]
        if (bound_elsewhere and scope is not None and scope.kind == "function") and not declared:
            return [_statement(f'{change.bound} = globals()["{change.name}"]')]
        return []


def _renamed(alias: cst.ImportAlias, change: LocalChange | None) -> cst.ImportAlias:
    if change is None or change.renamed is None:
        return alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    name = cst.AsName(name=cst.Name(change.renamed))
    return alias.with_changes(asname=name, comma=cst.MaybeSentinel.DEFAULT)


def _statement(text: str) -> cst.BaseSmallStatement:
    line = cst.parse_statement(text)
    assert isinstance(line, cst.SimpleStatementLine)
    return line.body[0]


def _with_parentheses(name: str, node: cst.BaseExpression) -> cst.BaseExpression:
    new = cst.parse_expression(name)
    return new.with_changes(lpar=node.lpar, rpar=node.rpar)


def _dotted(node: cst.CSTNode | None) -> str:
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    return ".".join([node.value, *reversed(parts)])


def _bound(alias: cst.ImportAlias, *, whole: bool) -> str:
    if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
        return alias.asname.name.value
    name = _dotted(alias.name)
    return name if whole else name.partition(".")[0]


def _parameter_names(params: cst.Parameters | None) -> list[str]:
    if params is None:
        return []
    every: list[object] = [*params.posonly_params, *params.params, *params.kwonly_params]
    every += [params.star_arg, params.star_kwarg]
    return [param.name.value for param in every if isinstance(param, cst.Param)]
