"""A network's file as a part of another: what its class needs, under names of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lemur2.architecture.syntax import parse_tree
from lemur2.generators.experts.imports import Binding, bindings
from lemur2.generators.experts.scopes import Unclear, Use, uses_of_module_names

NET = "Net"
_TRAINING = ("train_setup", "learn")  # the mixture trains its experts itself
_REFLECTION = frozenset({"globals", "eval", "exec", "__import__", "vars", "locals"})
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class _Statement:
    """A statement of the top level, and the names of the top level that it binds and mentions."""

    node: ast.stmt
    binds: frozenset[str]
    mentions: frozenset[str]


class Part:
    """A network's file, read so that it can stand beside others in one file.

    Only what class Net reaches by name is kept, and of Net neither `train_setup` nor `learn`:
    experts are trained by the mixture. Strings and comments inside what is kept stay as they are.

    Args:
        source: The file; it keeps the Net contract.

    Raises:
        Unclear: Reading does not tell what its names belong to, or it needs its own training.
    """

    def __init__(self, source: str) -> None:
        self.tree = parse_tree(source)
        self._lines = source.encode().splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._data = b"".join(self._lines)
        self._refuse_what_is_not_followed()
        self._drop_training()

    # -- what there is -------------------------------------------------------------------------

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every word in the file: a new name is new when it is none of them."""
        return frozenset(_WORD.findall(self._data.decode()))

    @cached_property
    def imported(self) -> dict[str, list[Binding]]:
        """What the top level's import statements bind, by name."""
        found: dict[str, list[Binding]] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for binding in bindings(node):
                    found.setdefault(binding.name, []).append(binding)
        return found

    @cached_property
    def _uses(self) -> tuple[Use, ...]:
        """Every use of a name that the top level binds, imports included."""
        names = set(self.imported)
        for statement in self.tree.body:
            names |= _bound(statement)
        return tuple(uses_of_module_names(self.tree, names))

    @cached_property
    def kept(self) -> tuple[_Statement, ...]:
        """The statements that class Net needs, in order, imports left out."""
        statements = [self._statement(n) for n in self.tree.body if not _is_import(n)]
        wanted, before = {NET}, 0
        chosen: list[_Statement] = []
        while len(wanted) != before:
            before = len(wanted)
            chosen = [each for each in statements if self._is_wanted(each, wanted)]
            wanted |= {name for each in chosen for name in each.mentions}
        return tuple(chosen)

    @cached_property
    def defined(self) -> tuple[str, ...]:
        """The names that the kept statements bind, sorted."""
        return tuple(sorted(set().union(*(each.binds for each in self.kept))))

    @cached_property
    def needed_imports(self) -> tuple[Binding, ...]:
        """The import bindings that the kept statements use, and those from `__future__`."""
        mentioned = set().union(*(each.mentions for each in self.kept))
        found = []
        for name, each in self.imported.items():
            if name in mentioned or each[0].module == "__future__":
                found += each
        return tuple(found)

    def _statement(self, node: ast.stmt) -> _Statement:
        start, end = self._span(node)
        inside = [use for use in self._uses if start <= self._offset_of(use) < end]
        return _Statement(
            node,
            frozenset(use.name for use in inside if use.binds),
            frozenset(use.name for use in inside if not use.binds),
        )

    @staticmethod
    def _is_wanted(statement: _Statement, wanted: Collection[str]) -> bool:
        """Whether it binds something wanted, or changes it (`Block.width = 3`)."""
        if isinstance(statement.node, ast.Expr):
            return False
        if statement.binds:
            return not statement.binds.isdisjoint(wanted)
        changed = isinstance(statement.node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        return changed and not statement.mentions.isdisjoint(wanted)

    @cached_property
    def strings(self) -> frozenset[str]:
        """The strings in what is kept: among them the hyperparameters that it reads."""
        nodes = (node for each in self.kept for node in ast.walk(each.node))
        constants = (node.value for node in nodes if isinstance(node, ast.Constant))
        return frozenset(value for value in constants if isinstance(value, str))

    # -- the text ------------------------------------------------------------------------------

    def text(self, names: Mapping[str, str]) -> str:
        """The kept statements with names of the top level replaced.

        Args:
            names: Old to new, of definitions and imports; others stay.

        Raises:
            Unclear: A name is not where the parser says (inside f-strings, before Python 3.12).
        """
        edits = sorted(self._edits(names))
        chunks = [self._edited(*self._with_comments(each.node), edits) for each in self.kept]
        spaced = ""
        for each, chunk in zip(self.kept, chunks, strict=True):
            large = isinstance(each.node, ast.ClassDef | ast.FunctionDef)
            spaced += ("\n\n" if large and spaced else "") + chunk.rstrip() + "\n"
            spaced += "\n\n" if large else ""
        return re.sub(r"\n{4,}", "\n\n\n", spaced).strip() + "\n"

    def _edits(self, names: Mapping[str, str]) -> Iterator[tuple[int, int, bytes]]:
        """Replacements (start, end, new text) that give names, and the removal of training."""
        for use in self._uses:
            if use.name in names:
                start = self._offset_of(use)
                old = use.name.encode()
                if self._data[start : start + len(old)] != old:
                    raise Unclear(f"{use.name} is used where it cannot be located")
                yield start, start + len(old), names[use.name].encode()
        for method in self._dropped:
            yield (*self._with_comments(method), b"")

    def _edited(self, start: int, end: int, edits: list[tuple[int, int, bytes]]) -> str:
        pieces, place = [], start
        for first, last, new in edits:
            if start <= first and last <= end and first >= place:
                pieces += [self._data[place:first], new]
                place = last
        pieces.append(self._data[place:end])
        return b"".join(pieces).decode().replace("\r\n", "\n")

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def _span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        line, column = node.lineno, node.col_offset
        for decorator in getattr(node, "decorator_list", []):
            if (decorator.lineno, decorator.col_offset) < (line, column):
                line, column = decorator.lineno, decorator.col_offset - 1  # the @ before it
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(line, column), self._offset(node.end_lineno, node.end_col_offset)

    def _with_comments(self, node: ast.stmt) -> tuple[int, int]:
        """The span with the comment lines right above it."""
        start, end = self._span(node)
        line = self._data.count(b"\n", 0, start)
        if self._data[self._starts[line] : start].strip():
            return start, end  # it does not begin its line
        while line and self._lines[line - 1].lstrip().startswith(b"#"):
            line -= 1
        return self._starts[line], end

    def _offset_of(self, use: Use) -> int:
        """Where the name itself stands."""
        node = use.node
        assert isinstance(node, ast.stmt | ast.expr)
        start = self._offset(node.lineno, node.col_offset)
        if not use.after:
            return start
        pattern = rf"\b{use.after}\b.*?\b({re.escape(use.name)})\b".encode()
        found = re.compile(pattern, re.DOTALL).search(self._data, start)
        return found.start(1) if found else start

    # -- what cannot be an expert --------------------------------------------------------------

    def _refuse_what_is_not_followed(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and node.id in _REFLECTION:
                raise Unclear(f"{node.id} reaches names that are not written")
        for statement in self.tree.body:
            inner = [] if _is_import(statement) or _is_scope(statement) else ast.walk(statement)
            if any(isinstance(node, ast.Import | ast.ImportFrom) for node in inner):
                raise Unclear("an import that depends on a condition")

    def _drop_training(self) -> None:
        """Find the methods that are left out, and forget them."""
        net = next(
            n for n in reversed(self.tree.body) if isinstance(n, ast.ClassDef) and n.name == NET
        )
        dropped = [n for n in net.body if isinstance(n, ast.FunctionDef) and n.name in _TRAINING]
        net.body = [node for node in net.body if node not in dropped]
        if not net.body:
            raise Unclear("class Net has nothing but its training")
        self._dropped: list[ast.stmt] = list(dropped)
        attributes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)]
        read = {node.attr for node in attributes if isinstance(node.ctx, ast.Load)}
        kept = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
        lost = {
            node.attr
            for method in dropped
            for node in ast.walk(method)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
        needed = (lost - kept | set(_TRAINING)) & read
        if needed:
            raise Unclear(f"it needs its own training: {', '.join(sorted(needed))}")


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_scope(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement of the top level binds, or more: what it binds within is no harm."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        inner = {
            n for each in ast.walk(statement) if isinstance(each, ast.Global) for n in each.names
        }
        return {statement.name} | inner
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    } | {
        node.name
        for node in ast.walk(statement)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
