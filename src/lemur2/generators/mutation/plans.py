"""A mutation, planned: the edits, and what they should come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lemur2.generators.mutation.code_mutator import Edit

KINDS = (
    "width",
    "symbolic",
    "kernel",
    "stride",
    "padding",
    "dilation",
    "groups",
    "activation",
    "normalization",
    "pooling",
    "dropout",
    "insert",
    "delete",
    "repeat",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one mutation changes.

    Attributes:
        kind: One of `KINDS`.
        edits: In the source.
        says: One readable line: "conv2: out_channels 64 -> 96; follows bn2, conv3, fc1".
        shapes: Parameters' shapes of the modules that should change, by module and parameter:
            what verification compares; None where the modules themselves change.
        key: Names the plan among all of its parent's.
    """

    kind: str
    edits: tuple[Edit, ...]
    says: str
    key: str
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]] | None = field(default=None)
