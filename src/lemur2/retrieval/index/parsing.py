"""What the index keeps of a file: its symbols with their scopes, its imports, its calls."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lemur2.architecture.syntax import parse
from lemur2.retrieval.index.categories import hints
from lemur2.retrieval.syntax.anatomy import dotted, first_line, is_typing_only, last_line
from lemur2.retrieval.syntax.calls import Call, read_calls
from lemur2.retrieval.syntax.scopes import local_imports
from lemur2.retrieval.values import Parameter

#: Symbol kinds, as they are stored.
CLASS, FUNCTION, METHOD, VARIABLE = "class", "function", "method", "variable"

_SIGNATURES = ("__init__", "forward")


@dataclass
class FileFacts:
    """What one text says.

    Attributes:
        symbols: (qualified name within the file, name, kind, first line, last line, detail).
            `detail` is a mapping for classes (bases, decorators, methods, abstract, doc,
            signatures), else None.
        imports: (line, scope, module, level, name, bound, under a condition, for typing only).
            `scope` is "" at the top level; `name` None for `import module`, `*` for all.
        calls: See `calls.read_calls`.
        error: Why it could not be read; None where it could.
    """

    symbols: list[tuple[str, str, str, int, int, dict[str, Any] | None]] = field(
        default_factory=list
    )
    imports: list[tuple[int, str, str, int, str | None, str, bool, bool]] = field(
        default_factory=list
    )
    calls: list[Call] = field(default_factory=list)
    error: str | None = None


def read_facts(text: str) -> FileFacts:
    """Parse a file. A text that this Python cannot parse gives facts with an error."""
    reader = _Reader(text)
    try:
        tree = parse(text)
        reader.body(tree.body, "", "", conditional=False, typing_only=False)
        reader.facts.calls = read_calls(tree)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        message = getattr(error, "msg", None) or str(error)
        return FileFacts(error=f"cannot be parsed{where}: {message}")
    except (RecursionError, MemoryError):
        return FileFacts(error="cannot be parsed: nested too deeply")
    return reader.facts


class _Reader:
    """Walks statements, not expressions: a library's worth of them takes seconds."""

    def __init__(self, text: str) -> None:
        self.facts = FileFacts()
        self._bytes = text.encode("utf-8", "surrogatepass")
        self._starts = [0]
        for line in self._bytes.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def body(
        self,
        body: Sequence[ast.stmt],
        scope: str,
        kind: str,
        *,
        conditional: bool,
        typing_only: bool,
    ) -> None:
        for statement in body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._function(statement, scope, kind)
                case ast.ClassDef():
                    self._class(statement, scope)
                case ast.Import() | ast.ImportFrom():
                    self._import(statement, scope, conditional, typing_only)
                case ast.Assign() | ast.AnnAssign() if not kind:
                    self._variable(statement)
                case _:
                    self._compound(statement, scope, kind, typing_only)

    def _compound(self, statement: ast.stmt, scope: str, kind: str, typing_only: bool) -> None:
        only = isinstance(statement, ast.If) and is_typing_only(statement.test)
        for name in ("body", "orelse", "finalbody"):
            inner = getattr(statement, name, None)
            if inner:
                marked = typing_only or (only and name == "body")
                self.body(inner, scope, kind, conditional=True, typing_only=marked)
        parts = [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
        for part in parts:
            self.body(part.body, scope, kind, conditional=True, typing_only=typing_only)

    def _symbol(
        self, node: ast.stmt, scope: str, name: str, kind: str, detail: dict[str, Any] | None
    ) -> str:
        qualified = f"{scope}.{name}" if scope else name
        line = first_line(node)
        self.facts.symbols.append((qualified, name, kind, line, last_line(node), detail))
        return qualified

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: str, kind: str
    ) -> None:
        own = METHOD if kind == CLASS else FUNCTION
        qualified = self._symbol(node, scope, node.name, own, None)
        self.body(node.body, qualified, FUNCTION, conditional=False, typing_only=False)

    def _class(self, node: ast.ClassDef, scope: str) -> None:
        qualified = self._symbol(node, scope, node.name, CLASS, self._detail(node))
        self.body(node.body, qualified, CLASS, conditional=False, typing_only=False)

    def _variable(self, node: ast.Assign | ast.AnnAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            for name in names:
                if isinstance(name, ast.Name):
                    self._symbol(node, "", name.id, VARIABLE, None)

    def _import(
        self, node: ast.Import | ast.ImportFrom, scope: str, conditional: bool, typing_only: bool
    ) -> None:
        for item in local_imports(node):
            self.facts.imports.append(
                (
                    node.lineno,
                    scope,
                    item.module,
                    item.level,
                    item.name,
                    item.bound,
                    conditional,
                    typing_only,
                )
            )

    def _detail(self, node: ast.ClassDef) -> dict[str, Any]:
        methods = [s for s in node.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)]
        assigned = [
            target.id
            for s in node.body
            if isinstance(s, ast.Assign)
            for target in s.targets
            if isinstance(target, ast.Name)
        ]
        return {
            "bases": [dotted(base) for base in node.bases],
            "metaclass": any(keyword.arg == "metaclass" for keyword in node.keywords),
            "decorators": [dotted(_called(d)) for d in node.decorator_list],
            "methods": [method.name for method in methods] + assigned,
            "abstract": [method.name for method in methods if _is_abstract(method)],
            "hints": hints(self._lines(first_line(node), last_line(node))),
            "doc": ast.get_docstring(node) or "",
            "signatures": {
                method.name: self._signature(method)
                for method in methods
                if method.name in _SIGNATURES
            },
        }

    def _signature(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[list[str | None]]:
        """Parameters without the first, as lists: what JSON can keep."""
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        missing = len(positional) - len(arguments.defaults)
        defaults = [*[None] * missing, *arguments.defaults]
        found = [
            self._parameter(argument, default, "positional")
            for argument, default in zip(positional, defaults, strict=True)
        ][1:]
        if arguments.vararg:
            found.append(self._parameter(arguments.vararg, None, "args"))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found.append(self._parameter(argument, default, "keyword"))
        if arguments.kwarg:
            found.append(self._parameter(arguments.kwarg, None, "kwargs"))
        return found

    def _parameter(
        self, argument: ast.arg, default: ast.expr | None, kind: str
    ) -> list[str | None]:
        return [argument.arg, self._text(argument.annotation), self._text(default), kind]

    def _lines(self, start: int, end: int) -> str:
        return self._bytes[self._starts[start - 1] : self._starts[end]].decode("utf-8", "replace")

    def _text(self, node: ast.expr | None) -> str | None:
        """A node's own text, in one line."""
        if node is None or node.end_lineno is None or node.end_col_offset is None:
            return None
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        return " ".join(self._bytes[start:end].decode("utf-8", "replace").split())


def parameters(stored: list[list[str | None]]) -> tuple[Parameter, ...]:
    """The parameters of a stored signature."""
    return tuple(
        Parameter(name=name or "", annotation=annotation, default=default, kind=kind or "")
        for name, annotation, default, kind in stored
    )


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_abstract(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Marked as abstract, or a `forward` that only raises NotImplementedError."""
    if any(dotted(d).rpartition(".")[2] == "abstractmethod" for d in method.decorator_list):
        return True
    body = [s for s in method.body if not _is_constant(s)]
    if (
        method.name != "forward"
        or len(body) != 1
        or not isinstance(body[0], ast.Raise)
        or body[0].exc is None
    ):
        return False
    return dotted(_called(body[0].exc)) == "NotImplementedError"


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
