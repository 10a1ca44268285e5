"""The generator: mixes what the pool has, and mixtures of one expert over their whole space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lemur2.architecture import Architecture, Candidate, Refusal, Verdict
from lemur2.corpus import Outcome
from lemur2.corpus.pool import Pool
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
        self._sample = HeterogeneousSample({}, seed)
        self._read: dict[str, tuple[Part, frozenset[str]]] = {}

    def meet(self, pool: Pool) -> None:
        """Take the pool's networks by family. Raises UserError where there are too few."""
        self._pool = pool
        families: dict[str, list[str]] = {}
        for member in pool.members:
            if self._is_eligible(member.family) and (member.score or not self.config.scored):
                families.setdefault(member.family, []).append(member.name)
        self._sample = HeterogeneousSample(families, self.seed)
        if self.config.mixtures != "homogeneous" and len(families) < max(self.config.mixed):
            raise UserError(
                f"the corpus and the zoo have {len(families)} families to mix, "
                f"{max(self.config.mixed)} are needed; widen --families or lower --mixed"
            )

    def _is_eligible(self, family: str) -> bool:
        if self.config.families:
            return family in self.config.families
        return not family.lower().startswith("moe")

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
        """How far both kinds are walked, and what was learned of the networks."""
        return {"walked": self._walked, "mixed": self._mixed, "sample": self._sample.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._walked, self._mixed = state["walked"], state["mixed"]
        self._sample.load_state(state["sample"])

    def _next(self) -> Candidate | None:
        mix_first = self._mixed <= self._walked
        kind = self.config.mixtures
        if kind == "heterogeneous" or (kind == "both" and mix_first):
            return self._heterogeneous() or (self._homogeneous() if kind == "both" else None)
        return self._homogeneous() or (self._heterogeneous() if kind == "both" else None)

    def _homogeneous(self) -> Candidate | None:
        if self._walked >= len(self._space):
            return None
        blueprint = self._space[self._walked]
        self._walked += 1
        name = blueprint.experts[0]
        return self._candidate(blueprint, {name: Part(builtin_source(name))}, {"lr", "dropout"})

    def _heterogeneous(self) -> Candidate | None:
        """The next mixture whose experts' files can stand side by side."""
        while True:
            number = self.config.mixed[self._mixed % len(self.config.mixed)]
            names = self._sample.draw(number)
            if names is None:
                return None
            candidate = self._mixture(names)
            if candidate is not None:
                self._mixed += 1
                return candidate

    def _mixture(self, names: tuple[str, ...]) -> Candidate | None:
        parts: dict[str, Part] = {}
        hyperparameters: set[str] = set()
        for name in names:
            found = self._part(name)
            if found is None:
                self._sample.forget(name)
                return None
            parts[name] = found[0]
            hyperparameters |= found[1]
        try:
            return self._candidate(Blueprint(experts=names), parts, hyperparameters, parents=names)
        except Unclear:
            return None

    def _part(self, name: str) -> tuple[Part, frozenset[str]] | None:
        """A network as an expert, with what it reads of `prm`; None where it cannot be one."""
        assert self._pool is not None
        if name not in self._read:
            try:
                source = self._pool.source(name)
                declared = Architecture.parse(source, name=name).hyperparameters
                if declared is None:
                    return None
                part = Part(source)
                self._read[name] = (part, part.strings & declared)
            except (Unclear, Refusal):
                return None
        return self._read[name]

    def _candidate(
        self,
        blueprint: Blueprint,
        parts: Mapping[str, Part],
        hyperparameters: set[str],
        parents: tuple[str, ...] = (),
    ) -> Candidate:
        return Candidate(
            source=compose(blueprint, parts, hyperparameters),
            generator=self.name,
            prefix=self.prefix,
            parents=parents,
            parameters=blueprint.parameters,
        )
