"""The corpus: schema, store, queries. Imports no torch.

The values that are recorded are here at once; `Corpus` brings SQLAlchemy when it is first used,
so that workers and `--help` do without it.
"""

from typing import TYPE_CHECKING, Any

from lemur2.corpus.funnel import STAGES, Attempted, Stage, funnel, wilson
from lemur2.corpus.records import Artifact, Epoch, Facts, Outcome, TrialResult, Weights
from lemur2.corpus.rows.entries import Attempt, Run, Standing, Status, StoredArchitecture, Trial

if TYPE_CHECKING:
    from lemur2.corpus.store import Corpus

__all__ = [
    "STAGES",
    "Artifact",
    "Attempt",
    "Attempted",
    "Corpus",
    "Epoch",
    "Facts",
    "Outcome",
    "Run",
    "Stage",
    "Standing",
    "Status",
    "StoredArchitecture",
    "Trial",
    "TrialResult",
    "Weights",
    "funnel",
    "wilson",
]


def __getattr__(name: str) -> Any:
    if name == "Corpus":
        from lemur2.corpus.store import Corpus

        return Corpus
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
