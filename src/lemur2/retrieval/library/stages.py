"""How far a block gets."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The last step that a block passed; their order is that of the steps.

    `refused`: it could not be extracted. `extracted`: it is a text. `parsed`, `compiled`: that
    text is Python. `closed`: no undefined name in any function, nothing of its origin imported.
    `imported`: the sandbox ran it. `module`: the target is an `nn.Module`. `built`: arguments
    were found that construct it. `forward`: and inputs that it runs on. `backward`: and gradients
    reach its parameters, or its inputs where it has none.
    """

    REFUSED = "refused"
    EXTRACTED = "extracted"
    PARSED = "parsed"
    COMPILED = "compiled"
    CLOSED = "closed"
    IMPORTED = "imported"
    MODULE = "module"
    BUILT = "built"
    FORWARD = "forward"
    BACKWARD = "backward"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return list(Stage).index(self)

    def reaches(self, other: Stage) -> bool:
        """Whether a block of this stage passed `other`."""
        return self.rank >= other.rank
