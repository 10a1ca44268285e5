"""NN-RAG: runnable blocks retrieved from real code bases (paper, section 9).

From the Python sources of model libraries to self-contained modules. Nothing of a library is ever
imported or run here: everything is read from its text, and no torch is needed.

    cache = RepoCache(folder)
    store = FileIndexStore(folder / "index.db")
    store.update(cache.add("dist:timm"))                   # only changed files are parsed again
    blocks = BlockDiscovery(store).blocks()                # list[Block]
    found = BlockExtractor(store).extract("timm.layers.drop.DropPath")   # Extracted
    found.source                                           # a module that stands alone

The values (`lemur2.retrieval.values`):

- `Origin(name, spec, version, licence, root, packages)`: where sources come from. `version` is a
  distribution's version or a repository's commit; `licence` an SPDX name or "unknown".
- `Block(name, qualified_name, origin, version, licence, module, path, line, end_line, category,
  docstring, bases, parameters, forward_parameters)`: a class that can be asked for. `category` is
  one of `CATEGORIES`; `parameters` are those of its `__init__`, own or inherited, without `self`.
- `Parameter(name, annotation, default, kind)`: texts; None where there is none.
- `Extracted(source, name, qualified_name, origin, version, licence, class_name, definitions,
  requires, annotations, notes)`: `class_name` is what the block is called in `source`;
  `definitions` the qualified names of all that it holds; `requires` the third-party packages it
  imports unconditionally; `annotations` maps a name that only annotates (and so is not defined)
  to the qualified name that it stands for; `notes` what a reader should know.
- `Unresolvable(name, reason)`: raised where a block cannot be closed: which name, and why.

`BlockExtractor.extract` takes any qualified name of a class or function of the index, not only
blocks (a configuration class that a block's `__init__` wants, for example).

A result must be imported as a module that `sys.modules` knows (as an import does), not by `exec`
into a bare dictionary: dataclasses and `get_type_hints` look a class's module up there.
"""

from lemur2.retrieval.assembly.extractor import BlockExtractor
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.store import FileIndexStore, Symbol, Update
from lemur2.retrieval.sources.cache import DEFAULT_ORIGINS, RepoCache
from lemur2.retrieval.values import (
    CATEGORIES,
    Block,
    Extracted,
    Origin,
    Parameter,
    Unresolvable,
)

__all__ = [
    "CATEGORIES",
    "DEFAULT_ORIGINS",
    "Block",
    "BlockDiscovery",
    "BlockExtractor",
    "Extracted",
    "FileIndexStore",
    "Origin",
    "Parameter",
    "RepoCache",
    "Symbol",
    "Unresolvable",
    "Update",
]
