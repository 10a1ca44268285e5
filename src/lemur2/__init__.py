"""LEMUR 2: grow, screen, train and query a corpus of diverse neural networks.

What the verbs of the command line do, in Python (help(lemur2.grow) says the rest):

    import lemur2

    lemur2.check("mine.py")[0].verdict                       screen a file in the sandbox
    lemur2.train("LeNet", dataset="mnist-5k", epochs=3)      train one network
    grown = lemur2.grow("fractal", 20, dataset="mnist-5k")   the whole loop
    grown.table                                              what became of each candidate
    lemur2.data(dataset="mnist-5k", only_best_accuracy=True) the corpus as a DataFrame
    lemur2.predict(grown.best.name, "photo.png")             what came out of it
    lemur2.pack(grown.best.name, "mine")                     a folder that needs no lemur2

Functions take `db=` (the corpus) and `engine=` (an entered `lemur2.LocalEngine`, which many calls
may share: starting one takes seconds). What the user can mend raises `lemur2.UserError`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur2.api.growing import Grown, generate, grow, resume
    from lemur2.api.training import check, train
    from lemur2.api.using import Predictor, load, pack, predict
    from lemur2.corpus.query.table import data
    from lemur2.corpus.store import Corpus
    from lemur2.errors import UserError
    from lemur2.evaluation.engines import LocalEngine
    from lemur2.loop.check_nn import CheckedNN, check_nn
    from lemur2.loop.generator import Generator

__all__ = [
    "CheckedNN",
    "Corpus",
    "Generator",
    "Grown",
    "LocalEngine",
    "Predictor",
    "UserError",
    "__version__",
    "check",
    "check_nn",
    "data",
    "generate",
    "grow",
    "load",
    "pack",
    "predict",
    "resume",
    "train",
]
__version__ = "0.1.0"

# Public names and the modules they come from, imported when first used: `import lemur2` is quick.
_LAZY = {
    "CheckedNN": "lemur2.loop.check_nn",
    "Corpus": "lemur2.corpus.store",
    "Generator": "lemur2.loop.generator",
    "LocalEngine": "lemur2.evaluation.engines",
    "UserError": "lemur2.errors",
    **dict.fromkeys(("Grown", "generate", "grow", "resume"), "lemur2.api.growing"),
    **dict.fromkeys(("check", "train"), "lemur2.api.training"),
    **dict.fromkeys(("Predictor", "load", "pack", "predict"), "lemur2.api.using"),
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
