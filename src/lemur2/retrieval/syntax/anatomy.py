"""A file taken apart: its top-level statements, what each binds and reads, where each stands.

A `Unit` is a statement that can be taken alone. Statements under `if`, `try` and `with` are units
of their own, which remember the compound statement they stand in; loops are one unit. Methods are
members of their class, so that a class can be taken without those that nothing needs.
"""

from __future__ import annotations

import ast
import builtins
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lemur2.architecture.syntax import parse
from lemur2.retrieval.syntax.scopes import LocalImport, Reads, bound_names, local_imports, reads_of


@dataclass
class Decorator:
    """A decorator of a function or class.

    Attributes:
        chain: Its dotted name, without the call.
        start: First line.
        end: Last line.
        reads: What it reads.
    """

    chain: str
    start: int
    end: int
    reads: Reads


@dataclass
class Member:
    """A method of a class, or another statement of its body.

    Attributes:
        name: The method's name; "" for other statements.
        start: First line, decorators and comments above included.
        end: Last line.
        reads: What it reads, without its decorators.
        decorators: Its decorators, but for Python's own (`staticmethod`, ...).
    """

    name: str
    start: int
    end: int
    reads: Reads
    decorators: list[Decorator] = field(default_factory=list)


@dataclass
class Unit:
    """A statement of the top level.

    Attributes:
        index: Its place in the file.
        kind: `import`, `function`, `class`, `assign` or `effect` (everything else).
        binds: The names it binds.
        start: First line, decorators and comments above included.
        end: Last line.
        outer: The compound statement it stands in; None at the very top.
        arm: Which of its arms, by number.
        reads: What it reads; for a class without its body; without the decorators.
        members: For a class.
        bases: For a class, the dotted names of its bases; "" for any other expression.
        decorators: Its decorators, but for Python's own.
        imports: For an import, what it binds.
        touches: Names that it changes without binding them (`X[0] = ...`, `X.append(...)`).
        calls: For `f(X, ...)` as a statement: the dotted `f`, and the arguments that are names.
        typing_only: Whether it stands under `if TYPE_CHECKING`.
    """

    index: int
    kind: str
    binds: tuple[str, ...]
    start: int
    end: int
    outer: Compound | None
    arm: int
    reads: Reads
    members: list[Member] = field(default_factory=list)
    bases: tuple[str, ...] = ()
    decorators: list[Decorator] = field(default_factory=list)
    imports: list[LocalImport] = field(default_factory=list)
    touches: frozenset[str] = frozenset()
    calls: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    typing_only: bool = False


@dataclass
class Compound:
    """An `if`, `try` or `with` of the top level.

    Attributes:
        start: First line, comments above included.
        end: Last line.
        outer: The compound statement around it.
        arm: Which of that one's arms.
        reads: What its conditions and handlers read.
        tries: Whether it is a `try`: what its first arm imports decides which arms run.
        arms: First and last line of each arm's statements.
        units: The units in it, directly.
        inner: The compound statements in it, directly.
    """

    start: int
    end: int
    outer: Compound | None
    arm: int
    reads: Reads
    tries: bool = False
    arms: list[tuple[int, int]] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    inner: list[Compound] = field(default_factory=list)

    def outermost(self) -> Compound:
        """The compound statement at the very top that this one stands in."""
        return self if self.outer is None else self.outer.outermost()


@dataclass
class Anatomy:
    """A file's units.

    Attributes:
        lines: The text, with line ends.
        units: In the order of the file.
        future: What it imports from `__future__`.
    """

    lines: list[str]
    units: list[Unit]
    future: frozenset[str]

    def text(self, start: int, end: int) -> str:
        """Lines `start` to `end`, both included, counted from 1."""
        return "".join(self.lines[start - 1 : end])


def dissect(text: str) -> Anatomy:
    """Take a file apart.

    Raises:
        SyntaxError: This Python cannot parse it.
    """
    tree = parse(text)
    dissector = _Dissector(io.StringIO(text).readlines())
    dissector.walk(tree.body, None, 0, typing_only=False)
    return Anatomy(dissector.lines, dissector.units, frozenset(_future(tree)))


def dotted(node: ast.expr) -> str:
    """`a.b.c` for such an expression; "" for any other. Subscripts are looked through."""
    parts: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=node, attr=name):
                parts.append(name)
            case ast.Subscript(value=node):
                pass
            case ast.Name(id=name):
                return ".".join([name, *reversed(parts)])
            case _:
                return ""


def is_typing_only(test: ast.expr) -> bool:
    """Whether a condition is `TYPE_CHECKING`."""
    return dotted(test).rpartition(".")[2] == "TYPE_CHECKING"


def first_line(node: ast.stmt) -> int:
    """The line that a statement begins on, its decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def last_line(node: ast.stmt) -> int:
    """The line that a statement ends on."""
    return node.end_lineno or node.lineno


def _future(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            yield from (alias.name for alias in statement.names)


class _Dissector:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.units: list[Unit] = []

    def walk(
        self, body: Sequence[ast.stmt], outer: Compound | None, arm: int, *, typing_only: bool
    ) -> None:
        floor = outer.start if outer is not None else 0
        for group in _same_line(body):
            statement = group[0]
            start = self._with_comments(first_line(statement), floor)
            floor = last_line(group[-1])
            if len(group) == 1 and isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With):
                self._compound(statement, start, outer, arm, typing_only)
            elif not _is_docstring(statement):
                self._unit(group, start, outer, arm, typing_only)

    def _with_comments(self, line: int, floor: int) -> int:
        """The first of the comment lines right above a line."""
        while line - 1 > floor and self.lines[line - 2].lstrip().startswith("#"):
            line -= 1
        return line

    def _compound(
        self,
        statement: ast.If | ast.Try | ast.TryStar | ast.With,
        start: int,
        outer: Compound | None,
        arm: int,
        typing_only: bool,
    ) -> None:
        compound = Compound(
            start, last_line(statement), outer, arm, reads_of(_conditions(statement))
        )
        compound.tries = isinstance(statement, ast.Try | ast.TryStar)
        if outer is not None:
            outer.inner.append(compound)
        only = isinstance(statement, ast.If) and is_typing_only(statement.test)
        for number, body in enumerate(_arms(statement)):
            compound.arms.append((first_line(body[0]), last_line(body[-1])))
            self.walk(body, compound, number, typing_only=typing_only or (only and number == 0))

    def _unit(
        self,
        group: Sequence[ast.stmt],
        start: int,
        outer: Compound | None,
        arm: int,
        typing_only: bool,
    ) -> None:
        statement = group[0]
        single = len(group) == 1
        unit = Unit(
            index=len(self.units),
            kind=_kind(statement) if single else "assign",
            binds=tuple(_binds(group)),
            start=start,
            end=last_line(group[-1]),
            outer=outer,
            arm=arm,
            reads=Reads(),
            decorators=_take_decorators(statement),
            touches=frozenset(_touched(group)),
            calls=list(_calls(group)),
            typing_only=typing_only,
        )
        if isinstance(statement, ast.Import | ast.ImportFrom) and single:
            unit.imports = list(local_imports(statement))
        elif isinstance(statement, ast.ClassDef) and single:
            self._class(unit, statement)
        else:
            unit.reads = reads_of(group)
        self.units.append(unit)
        if outer is not None:
            outer.units.append(unit)

    def _class(self, unit: Unit, node: ast.ClassDef) -> None:
        unit.reads = reads_of([*node.decorator_list, *node.bases, *node.keywords])
        unit.bases = tuple(dotted(base) for base in node.bases)
        names = frozenset(bound_names(node.body))
        unit.reads.bound |= names
        floor = node.lineno
        for statement in node.body:
            start = self._with_comments(first_line(statement), floor)
            floor = last_line(statement)
            is_method = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            name = statement.name if is_method else ""  # type: ignore[attr-defined]
            decorators = _take_decorators(statement) if is_method else []
            reads = reads_of([statement], in_class=names)
            unit.members.append(Member(name, start, floor, reads, decorators))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _same_line(body: Sequence[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements, those that share a line (`a = 1; b = 2`) together."""
    group: list[ast.stmt] = []
    for statement in body:
        if group and first_line(statement) > last_line(group[-1]):
            yield group
            group = []
        group.append(statement)
    if group:
        yield group


def _conditions(statement: ast.stmt) -> list[ast.AST]:
    match statement:
        case ast.If(test=test):
            return [test]
        case ast.Try(handlers=handlers) | ast.TryStar(handlers=handlers):
            return [handler.type for handler in handlers if handler.type is not None]
        case ast.With(items=items):
            return list(items)
    raise AssertionError(statement)


def _arms(statement: ast.stmt) -> list[list[ast.stmt]]:
    match statement:
        case ast.If(body=body, orelse=orelse):
            arms = [body, orelse]
        case ast.Try() | ast.TryStar():
            handlers = [handler.body for handler in statement.handlers]
            arms = [statement.body, *handlers, statement.orelse, statement.finalbody]
        case ast.With(body=body):
            arms = [body]
        case _:
            raise AssertionError(statement)
    return [arm for arm in arms if arm]


def _kind(statement: ast.stmt) -> str:
    match statement:
        case ast.Import() | ast.ImportFrom():
            return "import"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "function"
        case ast.ClassDef():
            return "class"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return "assign"
    return "effect"


def _binds(group: Sequence[ast.stmt]) -> Iterator[str]:
    for statement in group:
        if isinstance(statement, ast.AnnAssign) and statement.value is None:
            continue
        yield from sorted(bound_names([statement]))


def _touched(group: Sequence[ast.stmt]) -> Iterator[str]:
    """Names whose object a statement changes: stored into, or a method called as a statement."""
    for statement in group:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for node in ast.walk(statement):
            match node:
                case ast.Attribute(ctx=ast.Store() | ast.Del()):
                    yield _base(node)
                case ast.Subscript(ctx=ast.Store() | ast.Del()):
                    yield _base(node)
                case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):
                    yield _base(function)


def _calls(group: Sequence[ast.stmt]) -> Iterator[tuple[str, frozenset[str]]]:
    for statement in group:
        match statement:
            case ast.Expr(value=ast.Call(func=function, args=args, keywords=keywords)):
                given = [*args, *(keyword.value for keyword in keywords)]
                names = {_base(argument) for argument in given} - {""}
                yield dotted(function), frozenset(names)


def _take_decorators(statement: ast.stmt) -> list[Decorator]:
    """Take the decorators off a statement, but for Python's own."""
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return []
    taken: list[Decorator] = []
    kept: list[ast.expr] = []
    for node in statement.decorator_list:
        chain = dotted(node.func if isinstance(node, ast.Call) else node)
        if not chain or hasattr(builtins, chain.partition(".")[0]) or ".setter" in chain:
            kept.append(node)
        else:
            end = node.end_lineno or node.lineno
            taken.append(Decorator(chain, node.lineno, end, reads_of([node])))
    statement.decorator_list = kept
    return taken


def _base(node: ast.expr) -> str:
    return dotted(node).partition(".")[0]
