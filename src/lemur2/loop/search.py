"""Hyperparameter search on one network, kept in the corpus; and going on with any `train` run.

A search is a run. Its trials are ordinary trials of that run, and all that a later trial's choice
depends on, so nothing else is stored: see docs/decisions/006-hyperparameter-search.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lemur2.architecture import Architecture, Refusal, Verdict
from lemur2.corpus import Corpus, Epoch, Run, TrialResult
from lemur2.errors import UsageError, UserError
from lemur2.evaluation import Protocol
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.plan import Plan
from lemur2.loop.ending import working_on
from lemur2.loop.keeping import Keeper, let_go
from lemur2.loop.sources import Network
from lemur2.loop.space import Proposal, Prune, Space, completed, propose
from lemur2.loop.training import (
    Observer,
    Trainer,
    Training,
    Watcher,
    close,
    ended,
    refused,
    train_in,
)
from lemur2.metrics import higher_is_better, loss


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to search; kept in the ledger.

    Attributes:
        batches: The smallest and the largest batch; powers of two between them are tried.
        transforms: Names or files of the transforms to choose among; the plan's where empty.
        fixed: Hyperparameters that are not searched.
        prune: End trials early that fall behind the median of those before them.
    """

    batches: tuple[int, int] = (16, 256)
    transforms: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    prune: Prune | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Settings:
        """From the ledger."""
        lists = {name: tuple(stored[name]) for name in ("batches", "transforms")}
        return cls(**{**stored, **lists})


class Study:
    """The hyperparameter search of one network under one protocol.

    It is the newest run of the same network, protocol, settings, seed, device and threads, where
    the corpus has one, and goes on then. What chooses is the score on the validation part.

    Args:
        trainer: What to train and where; it needs a corpus. Its engine need not be entered yet.
        plan: What on, under which protocol; its hyperparameters are not used.
        settings: What to choose from.

    Raises:
        UsageError: The settings leave nothing to search.
        UserError: Optuna is not installed, or the network computes what it declares.
    """

    def __init__(self, trainer: Trainer, plan: Plan, settings: Settings) -> None:
        assert trainer.corpus is not None, "a search is kept in a corpus"
        self.corpus = trainer.corpus
        self.trainer, self.plan, self.settings = trainer, plan, settings
        self.plans = _plans(plan, settings.transforms)
        architecture = trainer.network.architecture
        if architecture.hyperparameters is None:
            raise UserError(
                f"{architecture.name} computes what supported_hyperparameters() returns; write it "
                "out as a set, so that it can be searched"
            )
        self.space = Space(
            declared=architecture.hyperparameters,
            fixed=settings.fixed,
            batches=settings.batches,
            transforms=tuple(self.plans),
        )
        self.higher_is_better = higher_is_better(plan.metric)
        if not self.space.distributions:
            raise UsageError("every hyperparameter is fixed; leave some out to search them")
        self._propose([])  # fails now where Optuna is not installed

    def search(self, trials: int, *, test: bool = False) -> Training:
        """Screen the network, then search until there are so many trials, earlier ones included.

        With `test`, the best hyperparameters are trained with once more, and scored on the test
        part then.
        """
        started = time.monotonic()
        try:
            self.trainer.screen(self.plan)
        except Refusal as refusal:
            return refused(self.trainer, self.plan, refusal, started)
        config = {"search": asdict(self.settings)}
        run = self._begun(config)
        if run is None:
            run = self.trainer.open_run(self.plan, config, trials, {"test": test})
            assert run is not None
        else:
            self.corpus.set_run_total(run, trials)
            self.corpus.advance(run, told=0, state={**self._state(run), "test": test})
        return self.go_on(run, trials, test=test, started=started)

    def _begun(self, config: Mapping[str, Any]) -> int | None:
        """The newest run that is this search."""
        wanted = [{"network": self.trainer.name, **config}, asdict(self.plan.protocol)]
        limits = self.trainer.engine.limits
        where = {"device": limits.device, "threads": limits.threads}
        for run in reversed(self.corpus.runs()):
            same = run.verb == "train" and _json([run.config, run.protocol]) == _json(wanted)
            if same and run.limits.items() >= where.items():
                return run.id
        return None

    def go_on(self, run: int, total: int, *, test: bool, started: float) -> Training:
        """Carry a run that is there on to its end."""
        with working_on(self.corpus, run) as work:
            self.corpus.drop_unfinished_trials(run)
            history = self._history(run)
            while len(history) < total:
                history.append(self._trial(run, history, total))
            best = self._best(history)
            found = best
            if best is None:
                work.failed("no trial ended well")
            elif test:
                found = self._tested(run, best)
        return self._training(run, history, found, started)

    def _history(self, run: int) -> list[TrialResult]:
        tested = set(self._state(run).get("tested", ()))
        return [t.result for t in self.corpus.trials(run_id=run) if t.id not in tested]

    def _state(self, run: int) -> dict[str, Any]:
        return dict(self.corpus.run(run).state)

    def _propose(self, history: Sequence[TrialResult]) -> Proposal:
        return propose(
            self.space,
            history,
            seed=self.plan.protocol.seed,
            epochs=self.plan.protocol.epochs,
            higher_is_better=self.higher_is_better,
            prune=self.settings.prune,
        )

    def _trial(self, run: int, history: Sequence[TrialResult], total: int) -> TrialResult:
        number = len(history) + 1
        proposal = self._propose(history)
        self.trainer.watcher.trial(number, total, proposal.hyperparameters)
        result = self.trainer.trial(
            self._planned(proposal.hyperparameters),
            run=run,
            observer=_Pruning(proposal, self.plan.protocol.epochs),
        )
        self._keep_the_best(run)
        self.trainer.watcher.trial_ended(number, result)
        return result

    def _keep_the_best(self, run: int) -> None:
        """Let go of the weights of all trials of the search but the best one."""
        keeper = self.trainer.keeper
        if keeper is None or len(kept := self.corpus.artifacts(run_id=run)) < 2:
            return
        ranked = sorted(kept, key=lambda each: (loss(each.score, each.metric), each.trial_id))
        let_go(self.corpus, keeper.store, [each.trial_id for each in ranked[1:]])

    def _planned(self, hyperparameters: Mapping[str, Any]) -> Plan:
        """The plan of one trial."""
        values = dict(hyperparameters)
        plan = self.plans[values.pop("transform", self.plan.transform)]
        for name in ("transform", "epoch"):
            values.pop(name, None)
        return replace(plan, protocol=plan.protocol.with_(hyperparameters=values))

    def _best(self, history: Sequence[TrialResult]) -> TrialResult | None:
        """The best one that ended well; the earliest of equals."""
        done = [r for r in history if completed(r, self.plan.protocol.epochs)]
        return min(done, key=lambda result: loss(result.score, self.plan.metric), default=None)

    def _tested(self, run: int, best: TrialResult) -> TrialResult:
        """The best again, with its test score; from the corpus where that was done before."""
        tested = set(self._state(run).get("tested", ()))
        for trial in self.corpus.trials(run_id=run):
            same = trial.result.hyperparameters == best.hyperparameters
            if trial.id in tested and same and trial.result.test_score is not None:
                return trial.result
        self.trainer.watcher.testing(best.hyperparameters)
        champion = _Champion(self.corpus, run, self._state(run))
        plan = self._planned(best.hyperparameters)
        return self.trainer.trial(plan, run=run, test=True, observer=champion)

    def _training(
        self,
        run: int,
        history: Sequence[TrialResult],
        found: TrialResult | None,
        started: float,
    ) -> Training:
        last = found or history[-1]
        reason = last.reason if found else f"no trial ended well, the last one: {last.reason}"
        return Training(
            name=self.trainer.name,
            verdict=last.verdict,
            reason=reason,
            facts=self.trainer.facts,
            result=found,
            run=run,
            seconds=time.monotonic() - started,
        )


def _plans(plan: Plan, transforms: Sequence[str]) -> dict[str, Plan]:
    """A plan for each transform, by the transform's name."""
    if not transforms:
        return {plan.transform: plan}
    made = [Plan.of(plan.protocol.with_(transform=transform)) for transform in transforms]
    plans = {each.transform: each for each in made}
    if len(plans) < len(made):
        raise UsageError(f"two of the transforms have one name: {', '.join(transforms)}")
    return plans


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


class _Pruning(Observer):
    """Ends a trial that the pruner gave up, unless it is over anyway."""

    def __init__(self, proposal: Proposal, epochs: int) -> None:
        self.proposal, self.epochs = proposal, epochs

    def goes_on(self, epoch: Epoch) -> bool:
        hopeless = self.proposal.hopeless(epoch.epoch, epoch.score)
        if hopeless and epoch.epoch < self.epochs:
            self.reason = f"pruned after epoch {epoch.epoch}"
            return False
        return True


class _Champion(Observer):
    """Marks a trial as one that was made for its test score, and tells the search nothing."""

    def __init__(self, corpus: Corpus, run: int, state: dict[str, Any]) -> None:
        self.corpus, self.run, self.state = corpus, run, state

    def begun(self, trial_id: int) -> None:
        tested = [*self.state.get("tested", ()), trial_id]
        self.corpus.advance(self.run, told=0, state={**self.state, "tested": tested})


def resume_train(
    corpus: Corpus,
    run_id: int,
    engine: Engine,
    *,
    watch: Callable[[Plan], Watcher] | None = None,
    keeper: Keeper | None = None,
) -> Training:
    """Go on with a `train` run where it stopped, under what it was started with.

    A search goes on with its next trial; a single training starts anew, since what a network
    holds between epochs is not stored. A run that is complete gives what it found.

    Args:
        corpus: Where the run is.
        run_id: Its number.
        engine: Where to run; entered.
        watch: Makes what hears how it goes, from the run's plan.
        keeper: Keeps the weights; none are kept without one.

    Raises:
        UserError: There is no such run, it is none of `train`, its network is not stored, or
            the machine or the database does not allow it.
    """
    run = corpus.run(run_id)
    network = _stored(corpus, run)
    plan = Plan.of(Protocol(**run.protocol))
    watcher = watch(plan) if watch is not None else Watcher()
    trainer = Trainer(engine, network, corpus=corpus, watcher=watcher, keeper=keeper)
    return _go_on(trainer, corpus, plan, run)


def _go_on(trainer: Trainer, corpus: Corpus, plan: Plan, run: Run) -> Training:
    started = time.monotonic()
    trainer.screen(plan)  # it passed before; what is measured is shown again
    if "search" in run.config:
        study = Study(trainer, plan, Settings.of(run.config["search"]))
        test = bool(run.state.get("test"))
        return study.go_on(run.id, run.total or 1, test=test, started=started)
    test = run.config["test"]
    if done := corpus.trials(run_id=run.id):
        result = done[-1].result
        with working_on(corpus, run.id) as work:
            close(trainer, run.id, result, started)
            if result.verdict is not Verdict.OK:
                work.failed(f"{result.verdict}: {result.reason}")
        return ended(trainer, result, run.id, started)
    return train_in(trainer, plan, run.id, test=test, started=started)


def _stored(corpus: Corpus, run: Run) -> Network:
    if run.verb != "train":
        raise UserError(f"run {run.id} is one of `{run.verb}`, not of `train`")
    name = run.config["network"]
    stored = corpus.architecture(name)
    if stored is None:
        raise UserError(f"run {run.id} was of {name}, which screening refused; mend and train it")
    architecture = Architecture.parse(stored.source, name=name)
    return Network(architecture=architecture, family=stored.family)
