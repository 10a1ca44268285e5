"""The generator: has the search engine's individuals written, and tells it what they came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

from lemur2.architecture import Architecture, Candidate, content_name
from lemur2.corpus import Outcome
from lemur2.corpus.pool import Pool
from lemur2.errors import UsageError
from lemur2.generators.genetic.design import Design
from lemur2.generators.genetic.evolution import Aging, Chance, Evolution, Generations, Individual
from lemur2.generators.genetic.operators import Operators
from lemur2.generators.genetic.space import TRAINING, Space, Vector, space
from lemur2.generators.genetic.template import write_source
from lemur2.loop.generator import Generator
from lemur2.metrics import loss

OBJECTIVES = ("score", "parameters", "flops", "seconds")
MODES = ("generations", "aging", "random")
CHANNELS, SIDE, CLASSES = 3, 32, 10  # what budgets are counted at


@dataclass(frozen=True, kw_only=True)
class GeneticConfig:
    """Where to search, how, and for what."""

    space: str = field(
        default="block",
        metadata={"help": "basic: sizes and training of AlexNet; block: its building blocks, too"},
    )
    mode: str = field(
        default="generations",
        metadata={"help": "generations; aging: steady state, which waits for no candidate; random"},
    )
    population: int = field(
        default=8,
        metadata={"help": "individuals that live at once; of generations, those of each"},
    )
    elites: int | None = field(
        default=None,
        metadata={"help": "of the living, how many compete with their children [all]"},
    )
    tournament: int = field(default=3, metadata={"help": "individuals that compete to be a parent"})
    crossover: float = field(
        default=0.8, metadata={"help": "probability that two parents are mixed, gene by gene"}
    )
    mutation: float = field(
        default=0.08, metadata={"help": "probability that a gene mutates; at least one does"}
    )
    objectives: tuple[str, ...] = field(
        default=("score",),
        metadata={"help": "score alone, or with parameters, flops or seconds (NSGA-II)"},
    )
    rungs: tuple[int, ...] = field(
        default=(),
        metadata={"help": "successive halving: epochs of each rung, as 1,3,9 [the protocol's]"},
    )
    promoted: float = field(
        default=1 / 3, metadata={"help": "share of a rung that is trained for the next one"}
    )
    scale: float = field(
        default=1.0, metadata={"help": "factor on all channels and neurons; 1 is AlexNet's size"}
    )
    max_parameters: int = field(
        default=100_000_000,
        metadata={"help": "most parameters, counted at 3x32x32 and 10 classes"},
    )
    max_multiplications: int = field(
        default=500_000_000,
        metadata={"help": "most multiplications for one image of 3x32x32"},
    )

    def __post_init__(self) -> None:
        space(self.space)
        if self.mode not in MODES:
            raise UsageError(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        for name in ("population", "tournament", "max_parameters", "max_multiplications"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.elites is not None and not 0 <= self.elites <= self.population:
            raise UsageError(f"elites must be from 0 to the population, not {self.elites}")
        for name in ("crossover", "mutation"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
        if not 0 < self.promoted < 1:
            raise UsageError(f"promoted must be between 0 and 1, not {self.promoted}")
        if not 1 / 16 <= self.scale <= 4:
            raise UsageError(f"scale must be from 1/16 to 4, not {self.scale}")
        self._check_objectives()

    def _check_objectives(self) -> None:
        wrong = [name for name in self.objectives if name not in OBJECTIVES]
        repeated = len(set(self.objectives)) < len(self.objectives)
        if wrong or repeated or self.objectives[:1] != ("score",):
            raise UsageError(f"objectives are score, then any of {', '.join(OBJECTIVES[1:])}")
        if list(self.rungs) != sorted(set(self.rungs)) or min(self.rungs, default=1) < 1:
            raise UsageError(f"rungs must be rising numbers of epochs, not {self.rungs}")
        if self.rungs and len(self.objectives) > 1:
            raise UsageError("rungs go with the score as the only objective")
        if self.mode != "generations" and (len(self.rungs) > 1 or len(self.objectives) > 1):
            raise UsageError("several rungs or objectives go with --mode generations only")


class GeneticGenerator(Generator[GeneticConfig]):
    """Evolves AlexNet-style networks and how they are trained (NAS-GA).

    Every individual is a file of its own, named after its content. What the corpus has trained
    under the run's protocol already is not proposed: its score is taken as it is.
    """

    name: ClassVar[str] = "genetic"
    about: ClassVar[str] = "genetic search around AlexNet (NAS-GA)"
    prefix: ClassVar[str] = "ga"
    Config: ClassVar[type] = GeneticConfig

    def __init__(self, config: GeneticConfig, seed: int) -> None:
        super().__init__(config, seed)
        self.order: Literal["asked", "finished"] = "finished" if config.mode == "aging" else "asked"
        self._pool: Pool | None = None

    @property
    def space(self) -> Space:
        """What is searched."""
        return space(self.config.space)

    @cached_property
    def evolution(self) -> Evolution:
        """The search engine.

        Raises:
            UserError: pymoo is not installed.
        """
        config = self.config
        operators = Operators(
            self.space,
            crossover=config.crossover,
            mutation=config.mutation,
            tournament=config.tournament,
        )
        settings: dict[str, Any] = {
            "seed": self.seed,
            "population": config.population,
            "fits": self._fits,
            "known": self._known,
        }
        if config.mode != "generations":
            steady = Aging if config.mode == "aging" else Chance
            return steady(self.space, operators, **settings)
        return Generations(
            self.space,
            operators,
            elites=config.elites,
            rungs=max(1, len(config.rungs)),
            promoted=config.promoted,
            **settings,
        )

    def meet(self, pool: Pool) -> None:
        """Whose trials need not be repeated."""
        self._pool = pool

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next ones; fewer at the end of a generation that is not all told."""
        candidates: list[Candidate] = []
        while len(candidates) < limit and (found := self.evolution.propose()) is not None:
            candidates.append(self._candidate(found))
        return candidates

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """A failure is no fitness: that individual has no children."""
        for outcome in outcomes:
            number = outcome.candidate.parameters["individual"]
            self.evolution.hear(number, self._costs(outcome))

    def state(self) -> Mapping[str, Any]:
        """Of the search engine, random state included."""
        return self.evolution.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue the search."""
        self.evolution.load_state(state)

    def design(self, vector: Vector) -> Design:
        """The network of a vector, at the config's scale."""
        return Design.of(self.space.values(vector), self.config.scale)

    def _source(self, vector: Vector) -> str:
        return write_source(self.design(vector), self.space.name)

    def _fits(self, vector: Vector) -> bool:
        design = self.design(vector)
        return (
            design.parameters(CHANNELS, SIDE, CLASSES) <= self.config.max_parameters
            and design.multiplications(CHANNELS, SIDE, CLASSES) <= self.config.max_multiplications
        )

    def _training(self, individual: Individual) -> dict[str, Any]:
        values = self.space.values(individual.vector)
        training: dict[str, Any] = {"hyperparameters": {name: values[name] for name in TRAINING}}
        if self.config.rungs:
            training["epochs"] = self.config.rungs[individual.rung]
        return training

    def _candidate(self, individual: Individual) -> Candidate:
        return Candidate(
            source=self._source(individual.vector),
            generator=self.name,
            prefix=self.prefix,
            parents=tuple(self._name(parent) for parent in individual.parents),
            parameters={
                "individual": individual.number,
                "generation": individual.generation,
                "rung": individual.rung,
                "space": self.space.name,
                "scale": self.config.scale,
                **self.space.values(self.space.expressed(individual.vector)),
            },
            training=self._training(individual),
        )

    def _name(self, vector: Vector) -> str:
        return content_name(self.prefix, self._source(vector))

    def _costs(self, outcome: Outcome) -> tuple[float, ...] | None:
        """What an outcome comes to, all of it to be small; None where it failed."""
        if outcome.score is None or outcome.trial is None:
            return None
        epochs = outcome.trial.epochs
        found = {
            "score": loss(outcome.score, outcome.trial.metric),
            "seconds": sum(epoch.seconds for epoch in epochs) / len(epochs),
            "parameters": outcome.facts.parameters if outcome.facts else None,
            "flops": outcome.facts.flops if outcome.facts else None,
        }
        return self._chosen(found)

    def _known(self, individual: Individual) -> tuple[float, ...] | None:
        """The costs of a trial that the corpus has under just this protocol; None without one."""
        if self._pool is None or self._pool.terms is None:
            return None
        digest = Architecture.parse(self._source(individual.vector)).digest
        known = self._pool.known(digest, **self._training(individual))
        if known is None:
            return None
        score = loss(known.score, self._pool.terms.metric)
        rest = {name: getattr(known, name) for name in OBJECTIVES[1:]}
        return self._chosen({"score": score, **rest})

    def _chosen(self, found: Mapping[str, float | None]) -> tuple[float, ...] | None:
        """The objectives; None where one is not known."""
        costs = [found[name] for name in self.config.objectives]
        return None if None in costs else tuple(float(cost or 0) for cost in costs)
