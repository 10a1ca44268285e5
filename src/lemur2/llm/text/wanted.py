"""What a file must be: a network or a transform, with what the task fixes about it."""

from __future__ import annotations

from dataclasses import dataclass

from lemur2.architecture import Architecture, Kind, TransformSource


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The kind of file that is looked for in a reply.

    Attributes:
        kind: `architecture` or `transform`.
        defines: Text by which a complete block is known, the most telling first.
        imports: Statements that the file must have, each exactly once.
        hyperparameters: What `supported_hyperparameters` is made to return; None leaves it.
    """

    kind: Kind
    defines: tuple[str, ...]
    imports: tuple[str, ...]
    hyperparameters: tuple[str, ...] | None = None

    def check(self, source: str) -> None:
        """Read the file as what it is to be; nothing in it runs.

        Raises:
            Refusal: It does not parse, or breaks the contract of its kind.
        """
        (Architecture if self.kind == "architecture" else TransformSource).parse(source)


NETWORK = Wanted(
    kind="architecture",
    defines=(
        "class Net",
        "def forward",
        "def __init__",
        "def train_setup",
        "def learn",
        "def supported_hyperparameters",
    ),
    imports=("import torch", "import torch.nn as nn"),
)
TRANSFORM = Wanted(
    kind="transform",
    defines=("def transform", "Compose"),
    imports=(),
)
