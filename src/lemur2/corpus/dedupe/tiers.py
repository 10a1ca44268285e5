"""Groups of redundant networks, from the strictest tier to the loosest.

`whitespace`: the same text but for whitespace, and the same syntax tree (text alone would merge a
`return` inside a loop with one after it). `canonical`: the same syntax tree but for comments and
docstrings. `structure`: the same operations on parameters of the same shapes, as screening recorded
them in evaluation mode; the networks may still differ in dropout, initialisation and in how they
learn. `near`: nearly the same tokens (`near.py`).

Every tier works on what the ones before it left, so each redundant network counts once, in the
strictest tier that finds it. What does not parse is never merged with anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lemur2.architecture import content_name
from lemur2.corpus.dedupe.near import THRESHOLD, Sketches, leaders
from lemur2.corpus.progress import Progress, silent, told
from lemur2.errors import UsageError

Tier = Literal["whitespace", "canonical", "structure", "near"]
Preference = Literal["accuracy", "oldest", "smallest", "name"]
TIERS: tuple[Tier, ...] = get_args(Tier)
PREFERENCES: tuple[Preference, ...] = get_args(Preference)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A network as dedupe sees it.

    Attributes:
        id: In the corpus; a lower one was stored earlier.
        name, family, source: As the corpus has them.
        digest: Canonical; "" where the source does not parse.
        structure_digest, parameters: From screening; None where it was not screened.
        accuracy: How near its best score comes to the best that the corpus has on the same data
            set and metric, from 0 to 1, where it comes nearest; None where it never trained.
    """

    id: int
    name: str
    family: str
    source: str
    digest: str
    structure_digest: str | None = None
    parameters: int | None = None
    accuracy: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Redundant:
    """A network that another one stands for.

    Attributes:
        name: Its own.
        representative: Of what is kept in its place.
        tier: The strictest one that found it.
        similarity: Real Jaccard similarity of the tokens where `near` had a part, else 1.
    """

    name: str
    representative: str
    tier: Tier
    similarity: float


def find_redundant(
    entries: Iterable[Entry],
    *,
    tiers: Sequence[Tier] = TIERS,
    prefer: Preference = "accuracy",
    threshold: float = THRESHOLD,
    sketches: Sketches | None = None,
    progress: Progress = silent,
) -> list[Redundant]:
    """The networks that others stand for, in the order of preference; pure and deterministic.

    Args:
        entries: The networks; names are unique.
        tiers: Which tiers to apply; always the strictest first.
        prefer: Which of a group stands for it: `accuracy` the one that scored best, `oldest` the
            one stored first, `smallest` the one with the fewest parameters (what was not screened
            comes after, then the shortest source), `name` the first by name. Ties: the oldest.
        threshold: Jaccard similarity from which two are near-duplicates, above 0, at most 1.
        sketches: Of the entries' sources, where they were made already and the entries are in the
            order of preference.
        progress: Told how many sources were read for the tier `near`.

    Raises:
        UsageError: An unknown tier or preference, or a threshold out of range.
    """
    _check(tiers, prefer, threshold)
    ordered = in_order(entries, prefer)
    merged: dict[str, tuple[str, Tier, float]] = {}  # name -> what it was merged into, how
    for tier in sorted(set(tiers), key=TIERS.index):
        kept = [entry for entry in ordered if entry.name not in merged and entry.digest]
        if tier == "near":
            places = {entry.name: place for place, entry in enumerate(ordered)}
            known = sketches and sketches.subset([places[entry.name] for entry in kept])
            merged.update(_near(kept, known, threshold, progress))
        else:
            merged.update(_exact(kept, tier))
    return [_resolved(entry.name, merged) for entry in ordered if entry.name in merged]


def in_order(entries: Iterable[Entry], prefer: Preference) -> list[Entry]:
    """The networks in the order of preference, the best first."""
    return sorted(entries, key=_KEYS[prefer])


def _check(tiers: Sequence[str], prefer: str, threshold: float) -> None:
    for tier in tiers:
        if tier not in TIERS:
            raise UsageError(f"unknown tier {tier!r}; there are {', '.join(TIERS)}")
    if prefer not in PREFERENCES:
        raise UsageError(f"unknown preference {prefer!r}; there are {', '.join(PREFERENCES)}")
    if not 0 < threshold <= 1:
        raise UsageError(f"the threshold must be above 0 and at most 1, not {threshold}")


def _exact(kept: Sequence[Entry], tier: Tier) -> dict[str, tuple[str, Tier, float]]:
    key = _EXACT[tier]
    first: dict[Any, str] = {}
    merged: dict[str, tuple[str, Tier, float]] = {}
    for entry in kept:
        found = key(entry)
        if found is None:
            continue
        representative = first.setdefault(found, entry.name)
        if representative != entry.name:
            merged[entry.name] = (representative, tier, 1.0)
    return merged


def _near(
    kept: Sequence[Entry], sketches: Sketches | None, threshold: float, progress: Progress
) -> dict[str, tuple[str, Tier, float]]:
    sources = (entry.source for entry in told(kept, "comparing networks", progress))
    led = leaders(sketches or Sketches(sources), threshold)
    return {
        kept[position].name: (kept[leader].name, "near", similarity)
        for position, (leader, similarity) in led.items()
    }


def _structure(entry: Entry) -> tuple[str, int | None] | None:
    if entry.structure_digest is None:
        return None
    return entry.structure_digest, entry.parameters


_EXACT: dict[Tier, Callable[[Entry], Any]] = {
    "whitespace": lambda entry: (content_name("", entry.source), entry.digest),
    "canonical": lambda entry: entry.digest,
    "structure": _structure,
}

_KEYS: dict[Preference, Callable[[Entry], Any]] = {
    "accuracy": lambda entry: (1.0 if entry.accuracy is None else -entry.accuracy, entry.id),
    "oldest": lambda entry: entry.id,
    "smallest": lambda entry: (
        entry.parameters is None,
        entry.parameters or 0,
        len(entry.source),
        entry.id,
    ),
    "name": lambda entry: entry.name,
}


def _resolved(name: str, merged: dict[str, tuple[str, Tier, float]]) -> Redundant:
    """Follow what it was merged into to what is kept."""
    representative, tier, similarity = merged[name]
    while representative in merged:
        representative, _, further = merged[representative]
        similarity = min(similarity, further)
    return Redundant(name=name, representative=representative, tier=tier, similarity=similarity)
