"""Putting a closure together: imports, definitions in their order, the header."""

from __future__ import annotations

import sys
import textwrap
from collections import defaultdict
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

from lemur2.errors import UserError
from lemur2.retrieval.analysis.closure import Closure, Foreign, Key, Namespace, Taken
from lemur2.retrieval.assembly.changes import ImportText, LocalChange
from lemur2.retrieval.assembly.naming import Names
from lemur2.retrieval.assembly.notes import notes_on, required
from lemur2.retrieval.assembly.ordering import order
from lemur2.retrieval.assembly.rendering import render_compound, render_unit
from lemur2.retrieval.index.names import Definition, Missing, ModuleRef, Outside
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.syntax.anatomy import Compound
from lemur2.retrieval.syntax.scopes import LocalImport, Reads
from lemur2.retrieval.values import Extracted

Piece = tuple[str, int]  # a statement of a module's very top: module and first line

# Packages that every user of a block has: what only annotates may be imported from them.
_ALWAYS = frozenset({"torch"})


class Assembly:
    """Makes the module of one closure.

    Args:
        view: The origin.
        closure: What is needed.
    """

    def __init__(self, view: OriginView, closure: Closure) -> None:
        self._view = view
        self._closure = closure
        self._names = Names(view, closure)
        self._pieces: dict[Piece, list[Taken]] = defaultdict(list)
        for taken in closure.taken.values():
            if not self._names.is_dropped(taken):
                self._pieces[_piece(taken)].append(taken)
        self._changes = {
            module: self._names.changes(module)
            for module in {taken.module for taken in closure.taken.values()}
        }

    def extracted(self) -> Extracted:
        """The result."""
        origin, target = self._view.origin, self._closure.target
        texts = [self._text(piece).strip("\n") + "\n" for piece in self._ordered()]
        texts[-1:-1] = self._namespaces()
        body = "\n\n".join(texts)
        imports, only_typing = self._imports()
        source = "\n".join(
            [self._header(), "from __future__ import annotations\n", imports, only_typing, "", body]
        )
        return Extracted(
            source=source,
            name=target.name,
            qualified_name=target.qualified_name,
            origin=origin.name,
            version=origin.version,
            licence=origin.licence,
            class_name=self._names.of(target),
            definitions=tuple(d.qualified_name for d in self._closure.definitions),
            requires=required(imports),
            annotations={
                name: _qualified(stands_for)
                for (_, name), stands_for in self._closure.annotations.items()
            },
            notes=self._notes(texts),
        )

    def _namespaces(self) -> list[str]:
        """Modules of the origin that are used as values; they come right before the target."""
        made = "SimpleNamespace"
        if self._closure.namespaces:
            made = self._names.of(Foreign(Outside("types", made), made))
        texts = []
        for key, members in self._closure.namespaces.items():
            lines = [f"    {name}={self._names.of(member)},\n" for name, member in members.items()]
            texts.append(f"{self._names.of(key)} = {made}(\n{''.join(lines)})\n")
        return texts

    def _notes(self, texts: list[str]) -> tuple[str, ...]:
        view, name = self._view, self._closure.target.qualified_name
        found = {
            f"{method} is left out: {error.name}: {error.reason}": None
            for method, error in self._closure.unclosed.items()
        }
        for text in texts:
            notes = view.remembered(("notes", text), partial(notes_on, text, view.packages, name))
            found.update(dict.fromkeys(notes))
        return tuple(found)

    def _header(self) -> str:
        origin, target = self._view.origin, self._closure.target
        lines = [
            f"{target.name}, taken from {origin.name} with what it needs by lemur2.",
            f"Origin: {origin.spec}, version {origin.version}",
            f"Licence: {origin.licence}",
            f"Qualified name: {target.qualified_name}",
        ]
        if self._closure.left_out:
            left_out = ", ".join(self._closure.left_out)
            lines += textwrap.wrap(f"Left out, as nothing here calls it: {left_out}.", 96)
        for method, error in self._closure.unclosed.items():
            lines += textwrap.wrap(f"Left out: {method}: {error.name}: {error.reason}.", 96)
        return "".join(f"# {line}\n" for line in lines)

    # Order.

    def _ordered(self) -> list[Piece]:
        owners = self._owners()
        hard: dict[Piece, set[Piece]] = defaultdict(set)
        soft: dict[Piece, set[Piece]] = defaultdict(set)
        for piece, statements in self._pieces.items():
            for taken in statements:
                self._needs(taken, piece, owners, hard, soft)
        self._keep_sequences(hard)
        modules: dict[str, int] = {}
        for module, _ in self._pieces:
            modules.setdefault(module, len(modules))
        target = self._pieces_of(self._closure.target, owners)

        def rank(piece: Piece) -> tuple[int, ...]:
            return (piece in target, -modules[piece[0]], piece[1])

        callers = {
            piece
            for piece, statements in self._pieces.items()
            if any(
                taken.unit.kind in ("assign", "effect") or taken.unit.decorators
                for taken in statements
            )
        }
        return order(self._pieces, hard, soft, callers, rank)

    def _owners(self) -> dict[Definition, list[Piece]]:
        owners: dict[Definition, list[Piece]] = defaultdict(list)
        for piece, statements in self._pieces.items():
            for taken in statements:
                for name in taken.unit.binds:
                    owners[Definition(taken.module, name)].append(piece)
        return owners

    def _pieces_of(self, key: Key | None, owners: dict[Definition, list[Piece]]) -> list[Piece]:
        if not isinstance(key, Definition):
            return []
        return owners.get(self._names.same.get(key, key), [])

    def _needs(
        self,
        taken: Taken,
        piece: Piece,
        owners: dict[Definition, list[Piece]],
        hard: dict[Piece, set[Piece]],
        soft: dict[Piece, set[Piece]],
    ) -> None:
        eager = taken.reads.eager | _conditions(taken).eager
        for chains, needs in ((eager, hard), (taken.reads.lazy | taken.reads.fields, soft)):
            for chain in chains:
                found = self._view.names.resolve_chain(taken.module, chain).target
                if isinstance(found, Definition):
                    needs[piece].update(self._pieces_of(found, owners))
        self._needs_of_imports(taken, piece, owners, hard, soft)
        hard[piece].discard(piece)
        soft[piece].discard(piece)

    def _needs_of_imports(
        self,
        taken: Taken,
        piece: Piece,
        owners: dict[Definition, list[Piece]],
        hard: dict[Piece, set[Piece]],
        soft: dict[Piece, set[Piece]],
    ) -> None:
        for imported in taken.reads.imports:
            for definition in self._local_targets(taken.module, imported):
                soft[piece].update(self._pieces_of(definition, owners))
        for imported in taken.unit.imports:
            for definition in self._local_targets(taken.module, imported):
                hard[piece].update(self._pieces_of(definition, owners))
        for name in taken.unit.touches:
            touched = self._view.names.resolve(taken.module, name) if name else None
            if isinstance(touched, Definition):
                hard[piece].update(self._pieces_of(touched, owners))

    def _local_targets(self, module: str, imported: LocalImport) -> list[Definition]:
        names = self._view.names
        target = names.imported(module, imported.leads_to, imported.level, imported.name)
        if isinstance(target, ModuleRef):
            found = [names.resolve_in(target.module, c).target for c in imported.chains]
            return [definition for definition in found if isinstance(definition, Definition)]
        return [target] if isinstance(target, Definition) else []

    def _keep_sequences(self, hard: dict[Piece, set[Piece]]) -> None:
        """Statements that bind or change the same name stay in the order of their file."""
        last: dict[Definition, Piece] = {}
        for piece in sorted(self._pieces):
            for taken in self._pieces[piece]:
                for name in {*taken.unit.binds, *taken.unit.touches} - {""}:
                    key = self._view.names.resolve(taken.module, name)
                    if not isinstance(key, Definition):
                        continue
                    before = last.get(key, piece)
                    if before != piece and before[0] == piece[0]:
                        hard[piece].add(before)
                    last[key] = piece

    # Texts.

    def _text(self, piece: Piece) -> str:
        statements = self._pieces[piece]
        first = statements[0]
        anatomy = self._view.anatomy(first.module)
        if first.unit.outer is None:
            text = render_unit(anatomy, first)
        else:
            indexes = {taken.unit.index: taken for taken in statements}
            text = render_compound(anatomy, first.unit.outer.outermost(), indexes)
        names = self._relevant(statements, self._changes[first.module])
        imports: dict[ImportText, LocalChange] = {}
        for taken in statements:
            for imported in taken.reads.imports:
                self._local_change(taken.module, imported, imports)
            for imported in taken.unit.imports:
                self._top_change(taken.module, imported, imports)
        if not imports and not names:
            return text
        return self._view.remembered(
            (text, _frozen(names), _frozen(imports)), lambda: _rewritten(text, names, imports)
        )

    def _relevant(self, statements: list[Taken], names: dict[str, str]) -> dict[str, str]:
        """Those changed names that the statements read or bind."""
        used: set[str] = set()
        for taken in statements if names else ():
            reads, conditions = taken.reads, _conditions(taken)
            chains = reads.eager | reads.lazy | reads.annotations | reads.fields
            for chain in chains | conditions.eager | conditions.lazy:
                used.update(_prefixes(chain))
            used.update(taken.unit.binds)
            used.update(reads.written)
        return {name: names[name] for name in names if name in used}

    def _local_change(
        self, module: str, imported: LocalImport, changes: dict[ImportText, LocalChange]
    ) -> None:
        names = self._view.names
        target = names.imported(module, imported.leads_to, imported.level, imported.name)
        key = ("." * imported.level + imported.module, imported.name, imported.bound)
        if isinstance(target, Definition):
            changes[key] = LocalChange(imported.bound, self._names.of(target))
        elif isinstance(target, Missing):
            changes[key] = LocalChange(imported.bound, missing=True)
        elif isinstance(target, ModuleRef):
            before = changes.get(key)
            chains = dict(before.chains) if before is not None else {}
            for chain in imported.chains:
                found = names.resolve_in(target.module, chain)
                if isinstance(found.target, Definition):
                    chains[found.used] = self._names.of(found.target)
                elif isinstance(found.target, ModuleRef):
                    chains[found.used] = self._names.of(Namespace(found.target.module))
                elif isinstance(found.target, Outside):
                    bound = found.used.rpartition(".")[2]
                    chains[found.used] = self._names.of(Foreign(found.target, bound))
            whole = chains.pop("", None)
            changes[key] = LocalChange(imported.bound, whole, chains)

    def _top_change(
        self, module: str, imported: LocalImport, changes: dict[ImportText, LocalChange]
    ) -> None:
        """What becomes of an import that was taken because its name is bound again elsewhere."""
        names = self._view.names
        target = names.imported(module, imported.leads_to, imported.level, imported.name)
        key = ("." * imported.level + imported.module, imported.name, imported.bound)
        binding = Definition(module, imported.bound)
        is_needed = binding in self._closure.definitions
        bound = self._names.of(binding) if is_needed else imported.bound
        if isinstance(target, Outside):
            if bound != imported.bound:
                changes[key] = LocalChange(imported.bound, renamed=bound)
        elif isinstance(target, Missing):
            changes[key] = LocalChange(bound, missing=True)
        elif is_needed and isinstance(target, Definition):
            changes[key] = LocalChange(bound, self._names.of(target))
        else:
            changes[key] = LocalChange(bound)

    # Imports.

    def _imports(self) -> tuple[str, str]:
        """The imports, and the part that only type checkers read."""
        plain: dict[Outside, set[str]] = defaultdict(set)
        for foreign in self._closure.foreign:
            plain[foreign.outside].add(self._names.of(foreign))
        typing: list[str] = []
        only: dict[Outside, set[str]] = defaultdict(set)
        seen: set[str] = set()
        for (_, name), stands_for in sorted(self._closure.annotations.items(), key=str):
            if self._names.is_used(name) or name in seen:
                continue
            seen.add(name)
            if isinstance(stands_for, Outside):
                always = _top(stands_for) in sys.stdlib_module_names | _ALWAYS
                (plain if always else only)[stands_for].add(name)
            else:
                typing.append(f"    {name} = Any")
        if typing or only:
            plain[Outside("typing", "TYPE_CHECKING")].add("TYPE_CHECKING")
        if typing:
            plain[Outside("typing", "Any")].add("Any")
        text = _import_lines(plain, self._closure.submodules, self._closure.stars)
        inner = [f"    {line}" for line in _import_lines(only, set(), set()).splitlines() if line]
        if not typing and not inner:
            return text, ""
        head = "\nif TYPE_CHECKING:  # names that only annotate"
        return text, "\n".join([head, *inner, *typing, ""])


def _rewritten(text: str, names: dict[str, str], imports: dict[ImportText, LocalChange]) -> str:
    try:
        from lemur2.retrieval.assembly.rewriting import rewrite  # LibCST is of an extra
    except ImportError as error:
        raise UserError(f"blocks need LibCST ({error}): pip install 'lemur2[blocks]'") from error
    return rewrite(text, names, imports)


def _frozen(changes: Mapping[Any, Any]) -> Hashable:
    return tuple(sorted((str(key), str(value)) for key, value in changes.items()))


def _piece(taken: Taken) -> Piece:
    outer: Compound | None = taken.unit.outer
    return (taken.module, outer.outermost().start if outer is not None else taken.unit.start)


def _conditions(taken: Taken) -> Reads:
    """What the conditions around a statement read."""
    reads, outer = Reads(), taken.unit.outer
    while outer is not None:
        reads.add(outer.reads)
        outer = outer.outer
    return reads


def _prefixes(chain: str) -> list[str]:
    parts = chain.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _top(outside: Outside) -> str:
    return outside.module.partition(".")[0]


def _qualified(target: object) -> str:
    match target:
        case Definition():
            return target.qualified_name
        case ModuleRef():
            return target.module
        case Outside() | Missing():
            return target.dotted
    raise AssertionError(target)


def _import_lines(wanted: dict[Outside, set[str]], submodules: set[str], stars: set[str]) -> str:
    """Import statements, those of the standard library first."""
    modules: set[str] = {f"import {dotted}" for dotted in submodules}
    members: dict[str, set[str]] = defaultdict(set)
    for outside, names in wanted.items():
        for name in names:
            if outside.name is None:
                renamed = "" if name == outside.module else f" as {name}"
                modules.add(f"import {outside.module}{renamed}")
            else:
                renamed = "" if name == outside.name else f" as {name}"
                members[outside.module].add(f"{outside.name}{renamed}")
    lines = [*sorted(modules)]
    lines += [f"from {module} import *" for module in sorted(stars)]
    lines += [_from_line(module, sorted(names)) for module, names in sorted(members.items())]
    groups: dict[bool, list[str]] = {True: [], False: []}
    for line in lines:
        groups[line.split()[1].partition(".")[0] in sys.stdlib_module_names].append(line)
    return "\n".join(
        f"{line}\n" for line in ("\n".join(group) for group in groups.values()) if line
    )


def _from_line(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
