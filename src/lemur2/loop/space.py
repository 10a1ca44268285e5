"""What a hyperparameter search chooses from, and Optuna's side of it. Imports Optuna late."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from lemur2.architecture import Verdict
from lemur2.corpus import TrialResult
from lemur2.errors import UsageError, UserError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Prune = Literal["median"]

# The field's ranges; every other hyperparameter is searched in [0, 1].
_RANGES: Mapping[str, tuple[float, float, bool]] = {
    "lr": (1e-5, 1.0, True),  # low, high, by its logarithm
    "momentum": (0.0, 1.0, False),
    "dropout": (0.0, 0.5, False),
}
_OTHER = (0.0, 1.0, False)
_BATCH = "batch_log2"


@dataclass(frozen=True, kw_only=True)
class Space:
    """What to choose from.

    Attributes:
        declared: Hyperparameters that the network declares.
        fixed: Values that are not searched.
        batches: The smallest and the largest batch; powers of two between them are tried.
        transforms: Names of the transforms to choose among; fewer than two are no choice.
    """

    declared: Collection[str]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    batches: tuple[int, int] = (16, 256)
    transforms: Sequence[str] = ()

    def __post_init__(self) -> None:
        low, high = self.batches
        if not 1 <= low <= high or 2 ** math.ceil(math.log2(low)) > high:
            raise UsageError(f"no power of two lies between the batches {low} and {high}")

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """As Optuna has them, always in the same order."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        found: dict[str, BaseDistribution] = {}
        for name in sorted(set(self.declared) - set(self.fixed) - {"batch"}):
            low, high, log = _RANGES.get(name, _OTHER)
            found[name] = FloatDistribution(low, high, log=log)
        if "batch" not in self.fixed:
            low, high = self.batches
            found[_BATCH] = IntDistribution(math.ceil(math.log2(low)), math.floor(math.log2(high)))
        if len(self.transforms) > 1:
            found["transform"] = CategoricalDistribution(tuple(self.transforms))
        return found

    def hyperparameters(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What a choice means for the protocol; `transform` is among it where it is a choice."""
        found = {name: value for name, value in params.items() if name != _BATCH}
        if _BATCH in params:
            found["batch"] = 2 ** params[_BATCH]
        return {**self.fixed, **found}

    def params(self, prm: Mapping[str, Any]) -> dict[str, Any]:
        """The choice that a trial was made with, from what its network was built with."""
        return {
            name: int(math.log2(prm["batch"])) if name == _BATCH else prm[name]
            for name in self.distributions
        }


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The next trial's choice, and Optuna's word on whether to prune it."""

    hyperparameters: dict[str, Any]
    trial: Any

    def hopeless(self, epoch: int, score: float) -> bool:
        """Whether the pruner would end the trial after this epoch."""
        self.trial.report(score, epoch)
        return bool(self.trial.should_prune())


def propose(
    space: Space,
    history: Sequence[TrialResult],
    *,
    seed: int,
    epochs: int,
    higher_is_better: bool,
    prune: Prune | None,
) -> Proposal:
    """The choice for the trial that follows `history`: a function of the arguments alone.

    The sampler is made anew for every trial, seeded by the search's seed and the trial's number,
    and is told the whole history, so that a search that was killed goes on as if it had not been.
    """
    optuna = _optuna()
    number = hashlib.sha256(f"{seed} {len(history)}".encode()).digest()
    study: Study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=int.from_bytes(number[:4])),
        pruner=optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner(),
        direction="maximize" if higher_is_better else "minimize",
    )
    study.add_trials([_told(space, result, epochs) for result in history])
    trial = study.ask(space.distributions)
    return Proposal(hyperparameters=space.hyperparameters(trial.params), trial=trial)


def _told(space: Space, result: TrialResult, epochs: int) -> FrozenTrial:
    """A finished trial as Optuna is told it.

    A refused one is a pruned trial without a value: the sampler keeps away from where it was,
    and nobody has to invent a score for it.
    """
    from optuna.trial import TrialState, create_trial

    done = completed(result, epochs)
    good = result.verdict is Verdict.OK
    return create_trial(
        state=TrialState.COMPLETE if done else TrialState.PRUNED,
        value=result.score if done else None,
        params=space.params(result.hyperparameters),
        distributions=space.distributions,
        intermediate_values={e.epoch: e.score for e in result.epochs} if good else {},
    )


def completed(result: TrialResult, epochs: int) -> bool:
    """Whether a trial ended well and in full: it has a score, and was not pruned."""
    ended_well = result.verdict is Verdict.OK and len(result.epochs) == epochs
    return ended_well and result.score is not None and math.isfinite(result.score)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise UserError(
            "the search needs Optuna, which is not installed; do `pip install 'lemur2[train]'`"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
