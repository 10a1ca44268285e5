"""Which networks of a corpus are redundant, tier by tier; marks, never deletion."""

from lemur2.corpus.dedupe.marks import entries, mark, marked, unmark
from lemur2.corpus.dedupe.near import THRESHOLD, Sketches, components
from lemur2.corpus.dedupe.shingles import shingles
from lemur2.corpus.dedupe.tiers import (
    PREFERENCES,
    TIERS,
    Entry,
    Preference,
    Redundant,
    Tier,
    find_redundant,
)

__all__ = [
    "PREFERENCES",
    "THRESHOLD",
    "TIERS",
    "Entry",
    "Preference",
    "Redundant",
    "Sketches",
    "Tier",
    "components",
    "entries",
    "find_redundant",
    "mark",
    "marked",
    "shingles",
    "unmark",
]
