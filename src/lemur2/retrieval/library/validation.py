"""What validation found out about a block. JSON-able throughout, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lemur2.retrieval.library.stages import Stage

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Validation:
    """How far a block got, and with what (paper, section 9.4.2, and beyond it).

    Attributes:
        stage: The last step that it passed.
        reason: Why it did not pass the next one; "" where it passed all.
        arguments: Texts of expressions by parameter, over `torch`, `nn`, `partial`,
            `SimpleNamespace` and what the block's file defines. None where none construct it.
        inputs: Texts by parameter of `forward`, over `torch` and the batch size `B`; the name `*`
            stands for the first positional one. None where it ran on none.
        shapes: Of the inputs that are tensors, batch included (2).
        kinds: Their dtypes (`float32`, `int64`).
        outputs: Shapes of the tensors that it returned, batch included.
        returns: Name of the type that it returned (`Tensor`, `tuple`, ...).
        parameters: How many it has.
        flops: Of one sample's forward pass; None where they cannot be counted.
        batched: Its first output's first size is the batch's, whatever that is.
        seconds: From the sandbox's start to its last word, by the caller's clock.
    """

    stage: Stage
    reason: str = ""
    arguments: Mapping[str, str] | None = None
    inputs: Mapping[str, str] | None = None
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[Shape, ...] = ()
    returns: str = ""
    parameters: int | None = None
    flops: int | None = None
    batched: bool = False
    seconds: float = 0.0
