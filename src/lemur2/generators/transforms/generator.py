"""The generator: walks the compositions, one, two and three operations in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from lemur2.architecture import Candidate
from lemur2.errors import UsageError
from lemur2.generators.transforms.operations import LEAST_SIDE, operations
from lemur2.generators.transforms.space import Composition, CompositionSpace
from lemur2.generators.transforms.template import write_source
from lemur2.loop.generator import Generator
from lemur2.suggestions import did_you_mean


@dataclass(frozen=True, kw_only=True)
class TransformsConfig:
    """Which transforms to propose, and what they are tried on."""

    network: str = field(
        default="ResNet18",
        metadata={
            "help": "what they are tried on, from the corpus or the zoo; ResNet8 suits a CPU"
        },
    )
    arities: tuple[int, ...] = field(
        default=(1, 2, 3),
        metadata={"help": "numbers of operations besides resizing and normalising, in turn"},
    )
    operations: tuple[str, ...] = field(
        default=(), metadata={"help": "only these of torchvision's; all of the dictionary if none"}
    )
    sides: tuple[int, ...] = field(
        default=(32, 64), metadata={"help": "pixels a side that images are resized to"}
    )
    image_side: int = field(
        default=32, metadata={"help": "pixels a side of the data set's images: it sizes crops"}
    )

    def __post_init__(self) -> None:
        if self.image_side < LEAST_SIDE:
            raise UsageError(f"image_side must be at least {LEAST_SIDE}, not {self.image_side}")
        known = operations(self.image_side)
        for name in self.operations:
            if name not in known:
                hint = did_you_mean(name, known, f"there are {', '.join(known)}")
                raise UsageError(f"there is no operation {name}; {hint}")
        for name, least in (("arities", 0), ("sides", 1)):
            values = getattr(self, name)
            if not values or min(values) < least or len(set(values)) < len(values):
                raise UsageError(f"{name} must be different numbers from {least} up, not {values}")
        count = len(self.operations or known)
        if max(self.arities) > count:
            raise UsageError(f"arities must be at most {count}, the number of operations")


class TransformsGenerator(Generator[TransformsConfig]):
    """Proposes every composition once: arities in equal shares, operations too."""

    name: ClassVar[str] = "transforms"
    about: ClassVar[str] = "compositions of torchvision's image operations"
    Config: ClassVar[type] = TransformsConfig
    proposes: ClassVar[Literal["architecture", "transform"]] = "transform"

    def __init__(self, config: TransformsConfig, seed: int) -> None:
        super().__init__(config, seed)
        known = operations(config.image_side)
        chosen = [known[name] for name in config.operations or known]
        self._spaces = [
            CompositionSpace(chosen, arity, config.sides, seed) for arity in config.arities
        ]
        self._positions = [0] * len(self._spaces)
        self._turn = 0

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next `limit` transforms; fewer, in the end none, where all have been given."""
        candidates: list[Candidate] = []
        while len(candidates) < limit:
            composition = self._next()
            if composition is None:
                break
            candidates.append(self._candidate(composition))
        return candidates

    def state(self) -> Mapping[str, Any]:
        """How far the order of each arity is walked, and whose turn it is."""
        return {"positions": list(self._positions), "turn": self._turn}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue the walk."""
        self._positions = list(state["positions"])
        self._turn = state["turn"]

    def _next(self) -> Composition | None:
        """The next arity's next composition; the one after's, where that has none left."""
        for _ in self._spaces:
            turn = self._turn
            self._turn = (turn + 1) % len(self._spaces)
            space = self._spaces[turn]
            while self._positions[turn] < space.length:
                self._positions[turn] += 1
                composition = space.at(self._positions[turn] - 1)
                if composition is not None:
                    return composition
        return None

    def _candidate(self, composition: Composition) -> Candidate:
        names = [operation.name for operation in composition.operations]
        return Candidate(
            source=write_source(composition),
            kind="transform",
            generator=self.name,
            prefix="-".join(names) or "Resize",
            parents=(self.config.network,),
            parameters={
                "arity": len(names),
                "operations": names,
                "arguments": [_plain(each) for each in composition.arguments],
                "side": composition.side,
            },
        )


def _plain(arguments: Mapping[str, object]) -> dict[str, object]:
    """As JSON gives it back."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
