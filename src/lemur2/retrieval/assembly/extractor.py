"""BlockExtractor: a definition and its closure as a module that stands alone (section 9.4.1)."""

from __future__ import annotations

from lemur2.errors import UsageError
from lemur2.retrieval.analysis.closure import close
from lemur2.retrieval.assembly.assembly import Assembly
from lemur2.retrieval.index.names import Definition
from lemur2.retrieval.index.origin_view import OriginView
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.values import Extracted, Unresolvable


class BlockExtractor:
    """Makes modules that stand alone.

    The result holds the definition that was asked for and all that it needs, each after what it
    needs itself, with comments and formatting as in the origin; imports of other packages stay,
    imports of the origin do not. Keeps the files that it has taken apart: the second block of a
    library takes milliseconds.

    Args:
        store: The index; read only.
    """

    def __init__(self, store: FileIndexStore) -> None:
        self._store = store
        self._views: dict[str, OriginView] = {}

    def extract(self, name: str, origin: str | None = None) -> Extracted:
        """Take out one class or function.

        Args:
            name: Its qualified name, a re-export's too (`timm.layers.DropPath`), or its own name
                where only one class or function of the index has it.
            origin: The origin's name; needed where several have that name.

        Raises:
            UsageError: The index has no such name, or several.
            Unresolvable: It cannot be closed; the error has the name that is missing, and why.
        """
        view, definition = self._find(name, origin)
        try:
            return Assembly(view, close(view, definition)).extracted()
        except RecursionError as error:
            raise Unresolvable(name, "its code is nested too deeply") from error

    def view(self, origin: str) -> OriginView:
        """An origin as blocks are taken out of it; made once."""
        if origin not in self._views:
            self._views[origin] = OriginView(self._store, origin)
        return self._views[origin]

    def _find(self, name: str, origin: str | None) -> tuple[OriginView, Definition]:
        names = [found.name for found in self._store.origins() if origin in (None, found.name)]
        if origin is not None and not names:
            self._store.origin(origin)
        module, _, last = name.rpartition(".")
        found = self._by_module(names, module, last) if module else self._by_name(names, last)
        if not found:
            raise UsageError(f"no class or function {name!r} in the index; `lemur2 blocks search`")
        if len(found) > 1:
            several = ", ".join(f"{d.qualified_name} ({lib.origin.name})" for lib, d in found[:5])
            raise UsageError(f"{name!r} is the name of {len(found)}: {several}; say which")
        return found[0]

    def _by_module(
        self, origins: list[str], module: str, name: str
    ) -> list[tuple[OriginView, Definition]]:
        found = []
        for origin in origins:
            view = self.view(origin)
            if view.names.has_module(module):
                target = view.names.member(module, name)
                if isinstance(target, Definition):
                    found.append((view, target))
        return found

    def _by_name(self, origins: list[str], name: str) -> list[tuple[OriginView, Definition]]:
        symbols = {
            (symbol.origin, symbol.module)
            for kind in ("class", "function")
            for symbol in self._store.symbols(name=name, kind=kind)
            if symbol.qualname == name and symbol.origin in origins
        }
        return [(self.view(origin), Definition(module, name)) for origin, module in sorted(symbols)]
