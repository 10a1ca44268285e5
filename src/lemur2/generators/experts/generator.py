"""The generator: mixes what the pool has, and mixtures of one expert over their whole space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from lemur2.architecture import Architecture, Candidate, Refusal, Verdict
from lemur2.corpus import Outcome
from lemur2.corpus.pool import Member, Pool
from lemur2.errors import UsageError, UserError
from lemur2.generators.experts.blueprint import Blueprint
from lemur2.generators.experts.builtin import builtin_source
from lemur2.generators.experts.compose import compose
from lemur2.generators.experts.heterogeneous import HeterogeneousSample
from lemur2.generators.experts.homogeneous import HomogeneousSpace
from lemur2.generators.experts.part import Part
from lemur2.generators.experts.scopes import Unclear
from lemur2.loop.generator import Generator

KINDS = ("both", "heterogeneous", "homogeneous")
_GATES = ("feedforward", "improved")
# Verdicts that say something about a mixture's experts; time and memory say more of the limits.
_BLAMED = frozenset(
    {Verdict.IMPORT, Verdict.BUILD, Verdict.SHAPE, Verdict.BACKWARD, Verdict.CONTRACT}
)


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig:
    """Which mixtures to propose (section 4 of the supplement)."""

    mixtures: str = field(
        default="both",
        metadata={"help": "heterogeneous (networks of the corpus and the zoo), homogeneous, both"},
    )
    mixed: tuple[int, ...] = field(
        default=(4,), metadata={"help": "numbers of experts in a heterogeneous mixture"}
    )
    families: tuple[str, ...] = field(
        default=(), metadata={"help": "families to mix; all but mixtures by default"}
    )
    scored: bool = field(
        default=False,
        metadata={"help": "mix only networks that have a score on the data set"},
    )
    expert_parameters: int = field(
        default=12_000_000,
        metadata={"help": "most parameters of a network that is mixed, where that is known"},
    )
    seeds: int = field(
        default=1,
        metadata={"help": "trainings of each mixture, with this and the following seeds; paper: 3"},
    )
    numbers: tuple[int, ...] = field(
        default=(4, 8, 16), metadata={"help": "numbers of experts in a homogeneous mixture (N)"}
    )
    tops: tuple[int, ...] = field(
        default=(1, 2, 3), metadata={"help": "experts that see a sample in it (k)"}
    )
    experts: tuple[str, ...] = field(
        default=("ConvNet16", "ConvNet32", "AlexNetBackbone16", "AlexNetBackbone32"),
        metadata={"help": "its experts: ConvNet<w>, AlexNetBackbone<w>, w channels in the first"},
    )
    gates: tuple[str, ...] = field(
        default=_GATES, metadata={"help": "its gates: feedforward, improved"}
    )
    noises: tuple[float, ...] = field(
        default=(0.0, 0.3, 1.0), metadata={"help": "noise on the gate's logits in training"}
    )
    balances: tuple[float, ...] = field(
        default=(0.0, 0.01, 0.1), metadata={"help": "weights of the load-balance loss"}
    )
    diversities: tuple[float, ...] = field(
        default=(0.0, 0.01), metadata={"help": "weights of the diversity loss"}
    )

    def __post_init__(self) -> None:
        if self.mixtures not in KINDS:
            raise UsageError(f"mixtures must be {', '.join(KINDS)}, not {self.mixtures!r}")
        if unknown := set(self.gates) - set(_GATES):
            raise UsageError(f"there is no gate {sorted(unknown)[0]!r}; use {' or '.join(_GATES)}")
        if not self.mixed or min(self.mixed) < 2:
            raise UsageError(f"a mixture needs at least 2 experts, not {self.mixed}")
        if min((*self.numbers, *self.tops), default=1) < 1:
            raise UsageError("numbers and tops must be at least 1")
        if self.expert_parameters < 1:
            raise UsageError("expert_parameters must be at least 1")
        if self.seeds < 1:
            raise UsageError(f"seeds must be at least 1, not {self.seeds}")
        for name in self.experts:
            builtin_source(name)


class ExpertsGenerator(Generator[ExpertsConfig]):
    """Proposes mixtures of experts; with `both`, a heterogeneous and a homogeneous one in turn."""

    name: ClassVar[str] = "experts"
    about: ClassVar[str] = "mixtures of experts (MoE): different networks, or N alike"
    prefix: ClassVar[str] = "moe"
    Config: ClassVar[type] = ExpertsConfig

    def __init__(self, config: ExpertsConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._space = HomogeneousSpace(
            numbers=config.numbers,
            tops=config.tops,
            experts=config.experts,
            gates=config.gates,
            noises=config.noises,
            balances=config.balances,
            diversities=config.diversities,
            seed=seed,
        )
        self._walked = 0
        self._mixed = 0
        self._pool: Pool | None = None
        self._large: frozenset[str] = frozenset()  # networks of the pool that are not mixed
        self._sample = HeterogeneousSample({}, seed)
        self._last: Blueprint | None = None  # what is to be trained with more seeds
        self._trained = 0  # with how many it was
        self._read: dict[tuple[str, bool], tuple[Part, frozenset[str]]] = {}

    def meet(self, pool: Pool) -> None:
        """Take the pool's networks by family. Raises UserError where there are too few."""
        self._pool = pool
        if self.config.mixtures == "homogeneous":
            return
        most = self.config.expert_parameters
        self._large = frozenset(m.name for m in pool.members if (m.parameters or 0) > most)
        families = self._families()
        self._sample = HeterogeneousSample(families, self.seed)
        if len(families) < max(self.config.mixed):
            raise UserError(
                f"the corpus and the zoo have {len(families)} families to mix, "
                f"{max(self.config.mixed)} are needed; widen --families, raise "
                "--expert-parameters or lower --mixed"
            )

    def _families(self) -> dict[str, list[str]]:
        """What is mixed, by family."""
        families: dict[str, list[str]] = {}
        for member in self._pool.members if self._pool is not None else ():
            if self._is_eligible(member):
                families.setdefault(member.family, []).append(member.name)
        return families

    def _is_eligible(self, member: Member) -> bool:
        if member.name in self._large or (self.config.scored and member.score is None):
            return False
        if self.config.families:
            return member.family in self.config.families
        return not member.family.lower().startswith("moe")

    def ask(self, limit: int) -> Sequence[Candidate]:
        """The next mixtures; fewer, in the end none, where there are no more."""
        candidates: list[Candidate] = []
        while len(candidates) < limit and (candidate := self._next()) is not None:
            candidates.append(candidate)
        return candidates

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Learn which networks cannot be experts."""
        for outcome in outcomes:
            names = outcome.candidate.parents
            if outcome.facts is not None or outcome.verdict in _BLAMED:
                self._sample.hear(names, outcome.facts is not None)

    def state(self) -> Mapping[str, Any]:
        """How far both kinds are walked, and what was learned of the networks.

        Sizes become known when a corpus is screened; a run keeps to those that it began with.
        """
        return {
            "large": sorted(self._large),
            "walked": self._walked,
            "mixed": self._mixed,
            "sample": self._sample.state(),
            "last": self._last and self._last.parameters,
            "trained": self._trained,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._walked, self._mixed = state["walked"], state["mixed"]
        if self.config.mixtures != "homogeneous":
            self._large = frozenset(state["large"])
            self._sample = HeterogeneousSample(self._families(), self.seed)
        self._sample.load_state(state["sample"])
        self._last = state["last"] and Blueprint.read(state["last"])
        self._trained = state["trained"]

    def _next(self) -> Candidate | None:
        """The last mixture with another seed, or a new one."""
        if self._last is not None and self._trained < self.config.seeds:
            candidate = self._write(self._last)
            assert candidate is not None  # it was written before
            self._trained += 1
            return replace(candidate, training={"seed": self.seed + self._trained - 1})
        candidate = self._new()
        self._trained = 1
        return candidate

    def _new(self) -> Candidate | None:
        draws = {"homogeneous": self._homogeneous, "heterogeneous": self._heterogeneous}
        kinds = [*draws] if self._mixed > self._walked else [*reversed(draws)]
        for kind in kinds:
            if self.config.mixtures in (kind, "both"):
                candidate = draws[kind]()
                if candidate is not None:
                    return candidate
        return None

    def _homogeneous(self) -> Candidate | None:
        if self._walked >= len(self._space):
            return None
        self._walked += 1
        return self._write(self._space[self._walked - 1])

    def _heterogeneous(self) -> Candidate | None:
        """The next mixture whose experts' files can stand side by side."""
        while True:
            number = self.config.mixed[self._mixed % len(self.config.mixed)]
            names = self._sample.draw(number)
            if names is None:
                return None
            candidate = self._write(Blueprint(experts=names))
            if candidate is not None:
                self._mixed += 1
                return candidate

    def _write(self, blueprint: Blueprint) -> Candidate | None:
        """The mixture's file; None where its experts' files cannot stand side by side."""
        parts: dict[str, Part] = {}
        hyperparameters: set[str] = set()
        for name in blueprint.experts:
            found = self._part(name, builtin=not blueprint.heterogeneous)
            if found is None:
                self._sample.forget(name)
                return None
            parts[name] = found[0]
            hyperparameters |= found[1]
        try:
            source = compose(blueprint, parts, hyperparameters)
        except Unclear:
            return None
        self._last = blueprint
        return Candidate(
            source=source,
            generator=self.name,
            prefix=self.prefix,
            parents=blueprint.experts if blueprint.heterogeneous else (),
            parameters=blueprint.parameters,
        )

    def _part(self, name: str, *, builtin: bool) -> tuple[Part, frozenset[str]] | None:
        """A network as an expert, with what it reads of `prm`; None where it cannot be one."""
        if (name, builtin) not in self._read:
            try:
                if builtin:
                    source = builtin_source(name)
                else:
                    assert self._pool is not None
                    source = self._pool.source(name)
                declared = Architecture.parse(source, name=name).hyperparameters
                if declared is None:
                    return None
                part = Part(source)
                self._read[name, builtin] = (part, part.strings & declared)
            except (Unclear, Refusal):
                return None
        return self._read[name, builtin]
