"""What the paper's supplement states, to be compared with what a corpus holds."""

from lemur2.statistics.paper.claim import Claim, compare
from lemur2.statistics.paper.claims import CLAIMS

__all__ = ["CLAIMS", "Claim", "compare"]
