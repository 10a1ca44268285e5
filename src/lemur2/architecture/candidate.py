"""A proposal: source text with its provenance. It knows nothing of torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lemur2.architecture.source import Architecture
from lemur2.architecture.transform import TransformSource

Kind = Literal["architecture", "transform"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One proposed source file and where it came from.

    Attributes:
        source: The complete file.
        kind: What it defines: a network (`class Net`) or a transform (`transform(norm)`).
        generator: Name of the generator that proposed it (`fractal`, `zoo`, `file`, ...).
        prefix: Family prefix of the name; the name is `prefix-md5` (or `name` where given).
        name: A fixed name instead, for hand-written files (`ResNet18`).
        parents: Names of the architectures it was made from. A transform's first one is the
            network that it is tried on.
        parameters: What the generator chose, JSON-able, for analysis and for showing.
        training: What of the run's protocol it is to be trained with instead, where it matters to
            what it is: `hyperparameters` (those named), `epochs`. Such a candidate is refused as
            a duplicate only of one with the same training, since it asks for a trial.
        prompt: The prompt that a language model answered, where one did.
    """

    source: str
    kind: Kind = "architecture"
    generator: str
    prefix: str = ""
    name: str | None = None
    parents: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def parse(self) -> Architecture | TransformSource:
        """The source, read as what it says it is. Nothing in it runs.

        Raises:
            Refusal: It does not parse, or breaks the contract of its kind.
        """
        kind = Architecture if self.kind == "architecture" else TransformSource
        return kind.parse(self.source, prefix=self.prefix, name=self.name)
