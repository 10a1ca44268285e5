"""What an import did, as counts that add up, with a few examples of each oddity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

_EXAMPLES = 5
_SECTIONS = ("read", "new", "unchanged", "fixed", "flagged", "refused", "noted")


class Summary:
    """Counts by section and cause.

    Sections: `read` (what the source holds), `new` and `unchanged` (what of it was stored now, or
    was there before), `fixed` (brought into shape, the cause says how), `flagged` (stored, and
    marked), `refused` (not stored), `noted` (stored as it is).
    """

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in _SECTIONS}
        self.examples: dict[str, list[str]] = {}

    def add(self, section: str, cause: str, count: int = 1, example: str | None = None) -> None:
        """Count something; the first few examples of a cause are kept."""
        if not count:
            return
        self.counts[section][cause] += count
        if example is not None:
            kept = self.examples.setdefault(f"{section}: {cause}", [])
            if len(kept) < _EXAMPLES:
                kept.append(example)

    def merge(self, other: Summary) -> None:
        """Add another's counts and examples."""
        for section, counts in other.counts.items():
            self.counts[section].update(counts)
        for key, found in other.examples.items():
            kept = self.examples.setdefault(key, [])
            kept += found[: _EXAMPLES - len(kept)]

    @property
    def changed(self) -> bool:
        """Whether anything was stored."""
        return any(self.counts["new"].values())

    def to_json(self) -> dict[str, Any]:
        """Sections that are not empty, causes in alphabetical order, and the examples."""
        sections: dict[str, Any] = {
            name: {cause: count for cause, count in sorted(counts.items()) if count}
            for name, counts in self.counts.items()
            if any(counts.values())
        }
        return {**sections, "examples": self.examples} if self.examples else sections

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Summary:
        """What `to_json` gave."""
        made = cls()
        for name in _SECTIONS:
            made.counts[name].update(value.get(name, {}))
        made.examples = {key: list(found) for key, found in value.get("examples", {}).items()}
        return made
