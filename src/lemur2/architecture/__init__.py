"""Source text in, an immutable value out: contract, names, digests. Imports no torch."""

from lemur2.architecture.candidate import Candidate, Kind
from lemur2.architecture.verdict import Refusal, Verdict

__all__ = ["Candidate", "Kind", "Refusal", "Verdict"]
