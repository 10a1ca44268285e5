"""The rules by which a run refuses a candidate as a duplicate, and what it says then."""

from __future__ import annotations

from typing import Literal

from lemur2.architecture.candidate import Kind

Rule = Literal["in this run", "trained", "screened", "whitespace"]

# What a reason says after "the same ... as NAME"; and what a run says of those that it skipped.
_SAID: dict[Rule, tuple[str, str]] = {
    "in this run": (", in this run", "were proposed twice in this run"),
    "trained": (", trained under this protocol before", "were trained already under this protocol"),
    "screened": (", screened before", "were screened already"),
    "whitespace": (" but for whitespace", "have the text of another network but for whitespace"),
}
_EARLIER = "were known already"  # of runs of older versions, which gave no rule


def reason(rule: Rule, kind: Kind, name: str) -> str:
    """Why a candidate of this kind is a duplicate of the one with a name."""
    what = "network" if kind == "architecture" else "transform"
    return f"the same {'text' if rule == 'whitespace' else what} as {name}{_SAID[rule][0]}"


def said(reason: str) -> str:
    """The rule that a duplicate's reason tells of, in words that go on after a number."""
    return next((words for end, words in _SAID.values() if reason.endswith(end)), _EARLIER)
