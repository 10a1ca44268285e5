"""LEMUR 2: grow, screen, train and query a corpus of diverse neural networks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur2.corpus.query import data
    from lemur2.corpus.store import Corpus

__all__ = ["Corpus", "__version__", "data"]
__version__ = "0.1.0"

# Public names and the modules they come from, imported when first used: `import lemur2` is quick.
_LAZY = {"Corpus": "lemur2.corpus.store", "data": "lemur2.corpus.query"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
