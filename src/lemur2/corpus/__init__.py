"""The corpus: schema, store, queries. Imports no torch."""

from lemur2.corpus.records import Epoch, Facts, Outcome, TrialResult

__all__ = ["Epoch", "Facts", "Outcome", "TrialResult"]
