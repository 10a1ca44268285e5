"""Where a name of a module leads: through imports, re-exports, stars and lazy packages."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from lemur2.retrieval.index.store import FileIndexStore, IndexedFile


@dataclass(frozen=True)
class Definition:
    """Something that a module of the origin binds at its top level."""

    module: str
    name: str

    @property
    def qualified_name(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class ModuleRef:
    """A module of the origin itself."""

    module: str


@dataclass(frozen=True)
class Outside:
    """Something of another package.

    Attributes:
        module: The module that is imported.
        name: What is imported from it; None for the module itself.
    """

    module: str
    name: str | None = None

    @property
    def dotted(self) -> str:
        """All of it in one."""
        return f"{self.module}.{self.name}" if self.name else self.module


@dataclass(frozen=True)
class Missing:
    """Something of the origin that has no source there (compiled, or made when it runs)."""

    dotted: str


Target = Definition | ModuleRef | Outside | Missing


@dataclass(frozen=True)
class Resolved:
    """Where a chain leads.

    Attributes:
        target: What it leads to; None where nothing binds its first name.
        used: The part of the chain that stands for the target.
        rest: What is left: attributes of the target.
    """

    target: Target | None
    used: str
    rest: str


@dataclass
class _Import:
    line: int
    module: str
    level: int
    name: str | None
    conditional: bool
    typing_only: bool
    whole: str = ""  # `a.b` for `import a.b`, which binds `a`


@dataclass
class _Table:
    """The top level of one module."""

    file: IndexedFile
    defined: dict[str, int] = field(default_factory=dict)  # name -> last line that defines it
    kinds: dict[str, str] = field(default_factory=dict)
    imported: dict[str, list[_Import]] = field(default_factory=lambda: defaultdict(list))
    stars: list[_Import] = field(default_factory=list)


class NameTable:
    """All modules of one origin and the names of their top levels.

    Args:
        store: The index.
        origin: The origin's name.
    """

    def __init__(self, store: FileIndexStore, origin: str) -> None:
        self.origin = origin
        self._tables: dict[str, _Table] = {}
        self._by_path: dict[str, str] = {}
        by_sha1: dict[str, list[_Table]] = defaultdict(list)
        for file in store.files(origin):
            table = self._tables[file.module] = _Table(file)
            self._by_path[_path_as_module(file.path)] = file.module
            by_sha1[file.sha1].append(table)
        self._load(store, by_sha1)
        self._packages = {
            module[:end]
            for module in self._tables
            for end in range(len(module))
            if module[end] == "."
        }
        self._known: dict[tuple[str, str], Target | None] = {}

    def _load(self, store: FileIndexStore, by_sha1: dict[str, list[_Table]]) -> None:
        symbols = store.connection.execute(
            "SELECT sha1, name, kind, line FROM symbols WHERE qualname = name ORDER BY line"
        )
        for sha1, name, kind, line in symbols:
            for table in by_sha1.get(sha1, ()):
                table.defined[name] = line
                table.kinds[name] = kind
        imports = store.connection.execute(
            "SELECT sha1, line, module, level, name, bound, conditional, typing_only FROM imports "
            "WHERE scope = '' ORDER BY line"
        )
        for sha1, line, module, level, name, bound, conditional, typing_only in imports:
            found = _Import(line, module, level, name, bool(conditional), bool(typing_only))
            if name is None and bound == module.partition(".")[0]:
                found.module, found.whole = bound, module if "." in module else ""
            for table in by_sha1.get(sha1, ()):
                if name == "*":
                    table.stars.append(found)
                else:
                    table.imported[bound].append(found)

    def modules(self) -> Iterable[str]:
        """All modules of the origin."""
        return self._tables

    def file(self, module: str) -> IndexedFile:
        """The file that a module is in. Raises KeyError where there is no such module."""
        return self._tables[module].file

    def has_module(self, module: str) -> bool:
        """Whether a dotted name is a module or package of the origin."""
        return module in self._tables or module in self._packages

    def is_plain(self, module: str) -> bool:
        """Whether a module is a file that is no package."""
        return module in self._tables and not self._tables[module].file.is_package

    def kind(self, definition: Definition) -> str:
        """`class`, `function` or `variable`; "" for what the index has no line for."""
        return self._tables[definition.module].kinds.get(definition.name, "")

    def names(self, module: str) -> set[str]:
        """The names that a module binds when it runs, definitions and imports."""
        table = self._tables[module]
        imported = {
            name
            for name, found in table.imported.items()
            if not all(one.typing_only for one in found)
        }
        return {*table.defined, *imported}

    def resolve(self, module: str, name: str) -> Target | None:
        """What a name of a module's top level stands for; None where nothing binds it."""
        key = (module, name)
        if key not in self._known:
            self._known[key] = None  # what a cyclic import comes back to
            self._known[key] = self._resolve(module, name)
        return self._known[key]

    def resolve_chain(self, module: str, chain: str) -> Resolved:
        """What a dotted chain in a module leads to."""
        first, *rest = chain.split(".")
        return self._through(self.resolve(module, first), [first], rest)

    def resolve_in(self, module: str, chain: str) -> Resolved:
        """What a chain of attributes of a module leads to."""
        return self._through(ModuleRef(module), [], [part for part in chain.split(".") if part])

    def _through(self, target: Target | None, used: list[str], rest: list[str]) -> Resolved:
        while rest and isinstance(target, ModuleRef):
            found = self.member(target.module, rest[0])
            used, rest = [*used, rest[0]], rest[1:]
            target = found or Missing(f"{target.module}.{used[-1]}")
        return Resolved(target, ".".join(used), ".".join(rest))

    def member(self, module: str, name: str) -> Target | None:
        """An attribute of a module: one of its names, or a module below it."""
        if module in self._tables:
            target = self.resolve(module, name)
            if target is not None:
                return target
        dotted = f"{module}.{name}"
        return ModuleRef(dotted) if self.has_module(dotted) else None

    def imported(self, importer: str, module: str, level: int, name: str | None) -> Target:
        """What an import statement in `importer` leads to."""
        absolute = self.absolute(importer, module, level)
        local = self._local(importer, absolute, level)
        if local is None:
            return self._outside(absolute, level, name)
        if name is None:
            return ModuleRef(local)
        found = self.member(local, name)
        return found if found is not None else Missing(f"{local}.{name}")

    def absolute(self, importer: str, module: str, level: int) -> str:
        """The absolute name of a module that is imported relatively."""
        if level == 0:
            return module
        parts = importer.split(".")
        drop = level - 1 if self._tables[importer].file.is_package else level
        base = parts[: len(parts) - drop]
        return ".".join([*base, module] if module else base)

    def foreign_stars(self, module: str) -> list[str]:
        """The modules of other packages whose names a module imports all."""
        stars = self._tables[module].stars
        return [
            star.module
            for star in stars
            if not star.level and self._local(module, star.module, 0) is None
        ]

    def submodules(self, module: str, bound: str) -> set[str]:
        """The dotted modules that `import bound.x` makes available in a module."""
        return {f.whole for f in self._tables[module].imported.get(bound, ()) if f.whole}

    def _outside(self, absolute: str, level: int, name: str | None) -> Outside | Missing:
        dotted = f"{absolute}.{name}" if name else absolute
        top = absolute.partition(".")[0]
        return Missing(dotted) if level or self._is_own(top) else Outside(absolute, name)

    def _is_own(self, top: str) -> bool:
        return top in self._packages and any(
            module == top or module.startswith(top + ".") for module in self._tables
        )

    def _local(self, importer: str, absolute: str, level: int) -> str | None:
        """The module of the origin that an absolute name means, as scripts in a folder see it."""
        if self.has_module(absolute):
            return absolute
        if level or not absolute:
            return None
        if absolute in self._by_path:
            return self._by_path[absolute]
        if "." in importer or absolute.partition(".")[0] in sys.stdlib_module_names:
            return None
        folder = _path_as_module(self._tables[importer].file.path).rpartition(".")[0]
        beside = f"{folder}.{absolute}" if folder else absolute
        return self._by_path.get(beside)

    def _resolve(self, module: str, name: str) -> Target | None:
        table = self._tables.get(module)
        if table is None:
            dotted = f"{module}.{name}"
            return ModuleRef(dotted) if self.has_module(dotted) else None
        imports = table.imported.get(name, [])
        running = [found for found in imports if not found.typing_only]
        own = table.defined.get(name)
        if own is not None and not self._import_wins(module, running, own):
            return Definition(module, name)
        target = self._of_imports(module, name, running)
        if target is None and own is not None:
            return Definition(module, name)
        if target is None:
            target = self._of_imports(module, name, [i for i in imports if i.typing_only])
        return target if target is not None else self._of_stars(module, table, name)

    def _import_wins(self, module: str, imports: list[_Import], own: int) -> bool:
        """Whether an import of the origin comes before a definition: the other is its fallback.

        (`try: from .fast import f` / `except ImportError: def f(): ...`.)
        """
        for found in imports:
            target = self.imported(module, found.module, found.level, found.name)
            if isinstance(target, Definition | ModuleRef) and (
                found.conditional or found.line > own
            ):
                return True
        return False

    def _of_imports(self, module: str, name: str, imports: list[_Import]) -> Target | None:
        targets = [self.imported(module, i.module, i.level, i.name) for i in reversed(imports)]
        for target in targets:
            if isinstance(target, Definition | ModuleRef):
                return target
        if len(set(targets)) > 1 or any(isinstance(t, Outside) for t in targets):
            plain = any(i.typing_only or not i.conditional for i in imports)
            return targets[0] if plain and len(set(targets)) == 1 else Definition(module, name)
        return targets[0] if targets else None

    def _of_stars(self, module: str, table: _Table, name: str) -> Target | None:
        for star in sorted(table.stars, key=lambda found: found.typing_only):
            absolute = self.absolute(module, star.module, star.level)
            local = self._local(module, absolute, star.level)
            if local is not None and local in self._tables and local != module:
                target = self.resolve(local, name)
                if target is not None:
                    return target
        dotted = f"{module}.{name}"
        return ModuleRef(dotted) if self.has_module(dotted) else None


def _path_as_module(path: str) -> str:
    dotted = path.removesuffix(".py").replace("/", ".")
    return dotted.removesuffix(".__init__")
