"""Training sets of networks: chosen from a corpus, split so that nothing alike crosses, written."""

from lemur2.corpus.curation.choose import Chosen, Rules, choose
from lemur2.corpus.curation.split import SPLITS, Shares, assign, closest, groups
from lemur2.corpus.curation.write import Curated, curate, refuse_filled, write

__all__ = [
    "SPLITS",
    "Chosen",
    "Curated",
    "Rules",
    "Shares",
    "assign",
    "choose",
    "closest",
    "curate",
    "groups",
    "refuse_filled",
    "write",
]
