"""LEMUR 2: grow, screen, train and query a corpus of diverse neural networks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur2.corpus.query.table import data
    from lemur2.corpus.store import Corpus
    from lemur2.loop.check_nn import CheckedNN, check_nn

__all__ = ["CheckedNN", "Corpus", "__version__", "check_nn", "data"]
__version__ = "0.1.0"

# Public names and the modules they come from, imported when first used: `import lemur2` is quick.
_LAZY = {
    "CheckedNN": "lemur2.loop.check_nn",
    "Corpus": "lemur2.corpus.store",
    "check_nn": "lemur2.loop.check_nn",
    "data": "lemur2.corpus.query.table",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
