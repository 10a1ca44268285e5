"""Which names a statement reads, when, and from where: Python's LEGB rule over a syntax tree.

A read that no enclosing function, lambda, comprehension or (directly) class body binds is a read
of the module: these are what a definition depends on. Reads are kept as dotted chains
(`F.conv2d`), because a chain through a module object leads to a definition elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lemur2.architecture.syntax import parse

_LONGEST_NAME = 60


@dataclass
class LocalImport:
    """One name that an import inside a function or class body binds.

    Attributes:
        module: As written, without dots before it.
        level: How many dots; 0 for an absolute import.
        name: What is imported from the module; None for `import module`.
        bound: The name that it binds; `*` for a star import.
        chains: Reads through it, without `bound` (`conv2d` where the code says `F.conv2d`); ""
            where it is read as it is.
    """

    module: str
    level: int
    name: str | None
    bound: str
    chains: set[str] = field(default_factory=set)

    @property
    def leads_to(self) -> str:
        """The module that it makes available: `a` for `import a.b`, which binds `a`."""
        first = self.module.partition(".")[0]
        return first if self.name is None and self.bound == first else self.module


@dataclass
class Reads:
    """What code reads of its module.

    Attributes:
        eager: Chains read when the statement runs: bases, decorators, defaults, class bodies.
        lazy: Chains read in function bodies.
        annotations: Chains that stand in annotations of functions and variables.
        fields: Chains that stand in annotations of class bodies, which classes may evaluate.
        attributes: Names of attributes read from objects that are not known.
        own: Names of attributes read from `self`, `cls` or `super()`.
        strings: String constants that look like a name: `getattr` may use them.
        bound: All names that some inner scope binds.
        written: Names that a `global` statement lets a function rebind.
        imports: Imports inside function and class bodies.
    """

    eager: set[str] = field(default_factory=set)
    lazy: set[str] = field(default_factory=set)
    annotations: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    imports: list[LocalImport] = field(default_factory=list)

    def add(self, other: Reads) -> None:
        """Take over what another piece of code reads."""
        self.eager |= other.eager
        self.lazy |= other.lazy
        self.annotations |= other.annotations
        self.fields |= other.fields
        self.attributes |= other.attributes
        self.own |= other.own
        self.strings |= other.strings
        self.bound |= other.bound
        self.written |= other.written
        self.imports += other.imports


def reads_of(nodes: Iterable[ast.AST], *, in_class: frozenset[str] | None = None) -> Reads:
    """What these nodes of a module's top level read.

    Args:
        nodes: Statements or expressions.
        in_class: The names that the class body around them binds, where they stand in one.
    """
    walker = _Walker()
    if in_class is not None:
        walker.scopes.append(_Scope("class", dict.fromkeys(in_class)))
    for node in nodes:
        walker.visit(node)
    return walker.reads


def bound_names(body: Sequence[ast.stmt]) -> set[str]:
    """The names that a body's statements bind, those in `if`, `for`, `try`, ... included."""
    return set(_Binder().collect(body).names)


@dataclass
class _Scope:
    kind: str  # "function", "class" or "comprehension"
    names: dict[str, LocalImport | None]
    itself: str | None = None  # the first parameter of a method


_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class _Walker:
    """Walks a tree with a stack of scopes; the module itself is not on it."""

    def __init__(self) -> None:
        self.reads = Reads()
        self.scopes: list[_Scope] = []
        self._deep = 0  # how many function bodies we are in
        self._target: set[str] | None = None  # where chains go while in an annotation
        self._special: dict[type, Callable[[Any], None]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Constant: self._constant,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Lambda: self._lambda,
            ast.ClassDef: self._class,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.AnnAssign: self._annotated,
            ast.Global: self._global,
            ast.Import: self._skip,
            ast.ImportFrom: self._skip,
        }

    def visit(self, node: ast.AST) -> None:
        special = self._special.get(type(node))
        if special is not None:
            special(node)
            return
        for child in ast.iter_child_nodes(node):
            self.visit(child)

    def _skip(self, node: ast.AST) -> None:
        """Imports bind, which the scopes know, and read nothing."""

    def _name(self, node: ast.Name) -> None:
        self._chain(node.id, ())

    def _attribute(self, node: ast.Attribute) -> None:
        parts: list[str] = []
        value: ast.expr = node
        while isinstance(value, ast.Attribute):
            parts.append(value.attr)
            value = value.value
        parts.reverse()
        if isinstance(value, ast.Name):
            self._chain(value.id, tuple(parts))
            return
        if _is_super(value):
            self.reads.own.add(parts[0])
            self.reads.attributes.update(parts[1:])
        else:
            self.reads.attributes.update(parts)
        self.visit(value)

    def _chain(self, base: str, rest: tuple[str, ...]) -> None:
        scope = self._scope_of(base)
        if scope is None:
            self._module_read(".".join((base, *rest)))
        elif (imported := scope.names[base]) is not None:
            imported.chains.add(".".join(rest))
        elif rest:
            known = scope.itself == base
            (self.reads.own if known else self.reads.attributes).add(rest[0])
            self.reads.attributes.update(rest[1:])

    def _module_read(self, chain: str) -> None:
        if self._target is not None:
            self._target.add(chain)
        else:
            (self.reads.lazy if self._deep else self.reads.eager).add(chain)

    def _scope_of(self, name: str) -> _Scope | None:
        for index in range(len(self.scopes) - 1, -1, -1):
            scope = self.scopes[index]
            if scope.kind == "class" and not self._sees_class(index):
                continue
            if name in scope.names:
                return scope
        return None

    def _sees_class(self, index: int) -> bool:
        """Whether code at the top of the stack sees the names of that class body.

        Only the body itself does, and comprehensions in it (their first iterable: close enough).
        """
        return all(scope.kind == "comprehension" for scope in self.scopes[index + 1 :])

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        if not isinstance(value, str):
            return
        if self._target is not None:
            self._text_annotation(value)
        elif len(value) <= _LONGEST_NAME and value.isidentifier():
            self.reads.strings.add(value)

    def _text_annotation(self, text: str) -> None:
        try:
            self.visit(parse(text.strip(), mode="eval").body)
        except SyntaxError:
            return  # a literal, as in Literal["two words"]

    def _in(self, target: set[str], node: ast.AST | None) -> None:
        if node is None:
            return
        before, self._target = self._target, target
        self.visit(node)
        self._target = before

    def _annotated(self, node: ast.AnnAssign) -> None:
        in_class = bool(self.scopes) and self.scopes[-1].kind == "class"
        self._in(self.reads.fields if in_class else self.reads.annotations, node.annotation)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def _global(self, node: ast.Global) -> None:
        self.reads.written.update(node.names)
        for name in node.names:
            self._module_read(name)

    def _function(self, node: _FunctionNode) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._defaults(node.args)
        is_method = bool(self.scopes) and self.scopes[-1].kind == "class"
        parameters = _parameters(node.args)
        scope = self._body_scope(node.body, [*parameters, *_type_parameters(node)])
        if is_method and parameters and not _is_static(node):
            scope.itself = parameters[0]
        for argument in _arguments(node.args):
            self._in(self.reads.annotations, argument.annotation)
        self._in(self.reads.annotations, node.returns)
        self._inside(scope, node.body)

    def _lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        names = [*_parameters(node.args), *_walrus_targets(node.body)]
        self.reads.bound.update(names)
        self._inside(_Scope("function", dict.fromkeys(names)), [node.body])

    def _defaults(self, arguments: ast.arguments) -> None:
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default)

    def _body_scope(self, body: Sequence[ast.stmt], extra: Iterable[str]) -> _Scope:
        binder = _Binder().collect(body)
        names: dict[str, LocalImport | None] = dict.fromkeys(extra)
        names.update(binder.names)
        for name in binder.outer:
            names.pop(name, None)
        self.reads.bound.update(names)
        self.reads.imports += binder.imports
        return _Scope("function", names)

    def _inside(self, scope: _Scope, body: Iterable[ast.AST]) -> None:
        self.scopes.append(scope)
        self._deep += 1
        for node in body:
            self.visit(node)
        self._deep -= 1
        self.scopes.pop()

    def _class(self, node: ast.ClassDef) -> None:
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(part)
        binder = _Binder().collect(node.body)
        names: dict[str, LocalImport | None] = dict.fromkeys(_type_parameters(node))
        names.update(binder.names)
        self.reads.bound.update(names)
        self.reads.imports += binder.imports
        self.scopes.append(_Scope("class", names))
        for statement in node.body:
            self.visit(statement)
        self.scopes.pop()

    def _comprehension(self, node: Any) -> None:
        names = [
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        ]
        self.reads.bound.update(names)
        self.visit(node.generators[0].iter)
        self.scopes.append(_Scope("comprehension", dict.fromkeys(names)))
        for index, generator in enumerate(node.generators):
            if index:
                self.visit(generator.iter)
            for part in [generator.target, *generator.ifs]:
                self.visit(part)
        for part in _results(node):
            self.visit(part)
        self.scopes.pop()


def _results(node: Any) -> list[ast.expr]:
    return [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]


def _is_super(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    )


def _is_static(node: _FunctionNode) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _parameters(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in _arguments(arguments)]


def _type_parameters(node: ast.AST) -> list[str]:
    """Names of `def f[T]` and `class C[T]` (Python 3.12)."""
    return [parameter.name for parameter in getattr(node, "type_params", [])]


def _walrus_targets(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.NamedExpr) and isinstance(inner.target, ast.Name):
            yield inner.target.id


class _Binder:
    """The names that one scope binds, without those of scopes inside it."""

    def __init__(self) -> None:
        self.names: dict[str, LocalImport | None] = {}
        self.outer: set[str] = set()  # declared global or nonlocal
        self.imports: list[LocalImport] = []

    def collect(self, body: Sequence[ast.AST]) -> _Binder:
        stack: list[ast.AST] = [*reversed(body)]
        while stack:
            node = stack.pop()
            self._bind(node)
            stack += reversed(_inner(node))
        return self

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self._plain(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._plain(name)
            case ast.ClassDef(name=name):
                self._plain(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchStar(name=str(name)):
                self._plain(name)
            case ast.MatchAs(name=str(name)) | ast.MatchMapping(rest=str(name)):
                self._plain(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                self.outer.update(names)
            case ast.Import() | ast.ImportFrom():
                self._import(node)

    def _plain(self, name: str) -> None:
        self.names.setdefault(name, None)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for imported in local_imports(node):
            self.imports.append(imported)
            self.names[imported.bound] = imported


def local_imports(node: ast.Import | ast.ImportFrom) -> Iterator[LocalImport]:
    """The names that an import statement binds."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            bound = alias.asname or alias.name
            yield LocalImport(node.module or "", node.level, alias.name, bound)
        else:
            bound = alias.asname or alias.name.partition(".")[0]
            yield LocalImport(alias.name, 0, None, bound)


def _inner(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that are in the same scope as it."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [*node.decorator_list, *_present(node.args.defaults, node.args.kw_defaults)]
    if isinstance(node, ast.Lambda):
        return _present(node.args.defaults, node.args.kw_defaults)
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    if isinstance(node, _COMPREHENSIONS):
        return [*_walruses(node)]
    return list(ast.iter_child_nodes(node))


def _present(*lists: Sequence[ast.expr | None]) -> list[ast.AST]:
    return [node for nodes in lists for node in nodes if node is not None]


def _walruses(node: ast.AST) -> Iterator[ast.AST]:
    """The targets of `:=` in a comprehension, which the scope around it binds."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.NamedExpr):
            yield inner.target
