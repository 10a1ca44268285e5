"""The generator: walks the fractal space and writes what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from lemur2.architecture import Candidate
from lemur2.errors import UsageError
from lemur2.generators.fractal.blueprint import Blueprint
from lemur2.generators.fractal.space import FractalSpace, StratifiedSample
from lemur2.generators.fractal.template import write_source
from lemur2.loop.generator import Generator


@dataclass(frozen=True, kw_only=True)
class FractalConfig:
    """Which fractal networks to propose, and what their files offer.

    The budgets keep a batch of 64 images of 32x32 within a worker of 4 GiB.
    """

    depths: tuple[int, ...] = field(
        default=(1, 2, 3, 4, 5, 6),
        metadata={"help": "numbers of fractal blocks, each followed by pooling (N)"},
    )
    columns: tuple[int, ...] = field(
        default=(1, 2, 3, 4, 5, 6),
        metadata={"help": "numbers of parallel columns in a block (num_columns)"},
    )
    widths: tuple[int, ...] = field(
        default=(8, 16, 24, 32, 48, 64),
        metadata={"help": "numbers of channels of the first block"},
    )
    max_parameters: int = field(
        default=10_000_000,
        metadata={"help": "most parameters, counted at 3 channels and 10 classes"},
    )
    max_multiplications: int = field(
        default=500_000_000,
        metadata={"help": "most multiplications for one image of 3x32x32"},
    )
    drop_path: float = field(
        default=0.0,
        metadata={"help": "probability of dropping a path at a join in training (0.15 in 2017)"},
    )
    with_checkpointing: bool = field(
        default=False,
        metadata={"help": "write files that offer gradient checkpointing to the protocol"},
    )

    def __post_init__(self) -> None:
        for name in ("depths", "columns", "widths"):
            values = getattr(self, name)
            if not values or min(values) < 1 or len(set(values)) < len(values):
                raise UsageError(f"{name} must be different numbers from 1 up, not {values}")
        for name in ("max_parameters", "max_multiplications"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.drop_path < 1:
            raise UsageError(f"drop_path must be from 0 to below 1, not {self.drop_path}")


class FractalGenerator(Generator[FractalConfig]):
    """Proposes every network of the fractal space once, depths and columns in equal shares."""

    name: ClassVar[str] = "fractal"
    about: ClassVar[str] = "self-similar networks of parallel columns (FractalNet)"
    prefix: ClassVar[str] = "FractalNet"
    Config: ClassVar[type] = FractalConfig

    def __init__(self, config: FractalConfig, seed: int) -> None:
        super().__init__(config, seed)
        space = FractalSpace(
            depths=tuple(config.depths),
            columns=tuple(config.columns),
            widths=tuple(config.widths),
            drop_path=config.drop_path,
        )
        self._sample = StratifiedSample(
            space=space,
            seed=seed,
            max_parameters=config.max_parameters,
            max_multiplications=config.max_multiplications,
        )

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next `limit` networks; fewer, in the end none, where the space is exhausted."""
        candidates: list[Candidate] = []
        while len(candidates) < limit:
            blueprint = self._sample.next()
            if blueprint is None:
                break
            candidates.append(self._candidate(blueprint))
        return candidates

    def state(self) -> Mapping[str, Any]:
        """How far each combination of depth and columns is walked, and whose turn it is."""
        return {"walked": list(self._sample.walked), "turn": self._sample.turn}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue the walk."""
        self._sample.walked = list(state["walked"])
        self._sample.turn = state["turn"]

    def _candidate(self, blueprint: Blueprint) -> Candidate:
        source = write_source(blueprint, checkpointing=self.config.with_checkpointing)
        return Candidate(
            source=source,
            generator=self.name,
            prefix=self.prefix,
            parameters={**asdict(blueprint), "layers": list(blueprint.layers)},
        )
