"""BlockDiscovery: which classes of an index are blocks (paper, section 9.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lemur2.retrieval.index import categories
from lemur2.retrieval.index.names import Definition, NameTable, Outside
from lemur2.retrieval.index.parsing import CLASS, parameters
from lemur2.retrieval.index.store import FileIndexStore, Symbol
from lemur2.retrieval.values import Block, Origin, Parameter

_MODULE = ("torch.nn.Module", "torch.nn.modules.Module", "torch.nn.modules.module.Module")
_WHOLE_MODELS = frozenset({"PreTrainedModel"})
# What `torch.nn` has that begins with a capital and is no module.
_NOT_MODULES = frozenset({"Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"})


@dataclass
class _Class:
    symbol: Symbol
    bases: list[_Class | str]  # a class of the index, or the dotted name of another

    @property
    def detail(self) -> dict[str, Any]:
        assert self.symbol.detail is not None
        return self.symbol.detail


class BlockDiscovery:
    """Finds the classes that are modules with a `forward`, from their texts alone.

    A block is a class of a top level that inherits from `torch.nn.Module`, directly or through
    any number of files, has a `forward` of its own or inherited, and is not abstract: no method
    marked `abstractmethod` is left without a body, and `forward` does more than to raise
    `NotImplementedError`. Where a file defines a name twice, the last one counts.

    Args:
        store: The index. What it holds is read once, when blocks are first asked for.
    """

    def __init__(self, store: FileIndexStore) -> None:
        self._store = store
        self._classes: dict[tuple[str, str], _Class] = {}

    def blocks(self, origin: str | None = None) -> list[Block]:
        """All blocks of one origin, or of all, by qualified name."""
        if not self._classes:
            self._read()
        origins = {found.name: found for found in self._store.origins()}
        blocks = [
            _block(found, origins[name])
            for (name, _), found in self._classes.items()
            if origin in (None, name) and _is_block(found)
        ]
        return sorted(blocks, key=lambda block: (block.qualified_name, block.origin))

    def find(self, name: str, origin: str | None = None) -> list[Block]:
        """The blocks of that name or qualified name."""
        return [b for b in self.blocks(origin) if name in (b.name, b.qualified_name)]

    def _read(self) -> None:
        by_origin: dict[str, dict[str, _Class]] = defaultdict(dict)
        for symbol in self._store.symbols(kind=CLASS):
            if "." not in symbol.qualname:
                by_origin[symbol.origin][symbol.qualified_name] = _Class(symbol, [])
        everywhere = {name: c for found in by_origin.values() for name, c in found.items()}
        for origin, found in by_origin.items():
            names = NameTable(self._store, origin)
            for qualified, one in found.items():
                self._classes[origin, qualified] = one
                for base in one.detail["bases"]:
                    one.bases.append(_base(names, one.symbol.module, base, found, everywhere))


def _base(
    names: NameTable,
    module: str,
    chain: str,
    own: dict[str, _Class],
    everywhere: dict[str, _Class],
) -> _Class | str:
    if not chain:
        return chain
    found = names.resolve_chain(module, chain)
    if isinstance(found.target, Definition) and not found.rest:
        return own.get(found.target.qualified_name, found.target.qualified_name)
    if isinstance(found.target, Outside):
        dotted = f"{found.target.dotted}.{found.rest}".rstrip(".")
        return everywhere.get(dotted, dotted)
    return chain


def _ancestors(one: _Class) -> Iterable[_Class | str]:
    """A class and what it inherits from, nearest first; each once."""
    seen: set[int | str] = set()
    queue: list[_Class | str] = [one]
    while queue:
        found = queue.pop(0)
        key = found if isinstance(found, str) else id(found)
        if key in seen:
            continue
        seen.add(key)
        yield found
        if isinstance(found, _Class):
            queue[:0] = found.bases


def _is_torch_module(dotted: str) -> bool:
    name = dotted.rpartition(".")[2]
    return dotted.startswith("torch.nn.") and name[:1].isupper() and name not in _NOT_MODULES


def _is_block(one: _Class) -> bool:
    ancestors = list(_ancestors(one))
    outside = [found for found in ancestors if isinstance(found, str)]
    if not any(_is_torch_module(name) for name in outside):
        return False
    inherits = any(_is_torch_module(name) and name not in _MODULE for name in outside)
    defined: set[str] = set()
    for found in ancestors:
        if isinstance(found, _Class):
            abstract = {*found.detail["abstract"]}
            if abstract - defined:
                return False
            defined.update(found.detail["methods"])
    return inherits or "forward" in defined


def _block(one: _Class, origin: Origin) -> Block:
    symbol = one.symbol
    init = _signature(one, "__init__")
    whole = any(
        isinstance(found, _Class) and found.symbol.name in _WHOLE_MODELS
        for found in _ancestors(one)
    )
    names = [parameter.name for parameter in init]
    return Block(
        name=symbol.name,
        qualified_name=symbol.qualified_name,
        origin=origin.name,
        version=origin.version,
        licence=origin.licence,
        module=symbol.module,
        path=symbol.path,
        line=symbol.line,
        end_line=symbol.end_line,
        category=categories.category(symbol.name, one.detail["hints"], names, whole),
        docstring=one.detail["doc"],
        bases=tuple(
            base if isinstance(base, str) else base.symbol.qualified_name for base in one.bases
        ),
        parameters=init,
        forward_parameters=_signature(one, "forward"),
    )


def _signature(one: _Class, method: str) -> tuple[Parameter, ...]:
    for found in _ancestors(one):
        if isinstance(found, _Class) and method in found.detail["signatures"]:
            return parameters(found.detail["signatures"][method])
    return ()
