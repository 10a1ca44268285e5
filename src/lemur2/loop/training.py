"""One network trained, from its source to a stored trial: what `train` and `check_nn` do."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lemur2.architecture import Architecture, Candidate, Refusal, Verdict
from lemur2.corpus import Corpus, Epoch, Facts, Outcome, TrialResult
from lemur2.errors import UsageError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import Listener, Screen, Train, Weights
from lemur2.evaluation.plan import Plan, environment
from lemur2.loop.ending import working_on
from lemur2.loop.keeping import Keeper
from lemur2.loop.sources import Network
from lemur2.sandbox.limits import Limits

VERB = "train"
ALWAYS = ("batch",)  # a hyperparameter of every network, declared or not


class Watcher:
    """Hears how a training goes. Override what is of interest; by default nothing is."""

    def screened(self, name: str, facts: Facts) -> None:
        """The network got through screening."""

    def trial(self, number: int, total: int, hyperparameters: Mapping[str, Any]) -> None:
        """Trial `number` (from 1) of a search begins; `hyperparameters` were proposed for it."""

    def began(self, fitting: int, others: Sequence[str]) -> None:
        """The network begins with given weights: how many fit, and what does not, and why."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch was trained, scored and stored."""

    def printed(self, text: str) -> None:
        """The network printed something while it was trained: untrusted text, in any pieces."""

    def trial_ended(self, number: int, result: TrialResult) -> None:
        """A trial of a search ended and was stored."""

    def testing(self, hyperparameters: Mapping[str, Any]) -> None:
        """A search's best hyperparameters are trained with again, to score the test part."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What came of it.

    Attributes:
        name: The network's name: that of the corpus, where it has the same network already.
        verdict, reason: `ok`, or what refused it, screening or training.
        facts: From screening; None where it was refused.
        result: The trial; None where it was not trained. Of a search, the best one (retrained
            where the test part was asked for).
        run: Number of the run in the ledger; None where nothing was stored.
        seconds: Wall time in all.
    """

    name: str
    verdict: Verdict
    reason: str
    facts: Facts | None = None
    result: TrialResult | None = None
    run: int | None = None
    seconds: float = 0.0


def declared_or_refuse(architecture: Architecture, given: Iterable[str]) -> None:
    """Refuse hyperparameters that a network does not declare.

    Where `supported_hyperparameters` computes its answer, only running tells: `TrialRecorder`
    then asks the network itself.

    Raises:
        UsageError: Naming those that it does declare.
    """
    if architecture.hyperparameters is not None:
        _refuse_unknown(architecture.name, architecture.hyperparameters, given)


def _refuse_unknown(name: str, declared: Collection[str], given: Iterable[str]) -> None:
    unknown = sorted(set(given) - set(declared) - set(ALWAYS))
    if unknown:
        names = ", ".join(sorted({*declared, *ALWAYS}))
        raise UsageError(f"{name} does not declare {' or '.join(unknown)}; it takes {names}")


class Trainer:
    """Trains one network and stores what happens, as it happens.

    Args:
        engine: Where it runs; entered.
        network: What to train.
        corpus: Where to store it; None to store nothing.
        watcher: Hears how it goes.
        required: Hyperparameters that the network has to declare.
        keeper: Keeps the weights; none are kept without one.
        start: Weights to begin with.
    """

    def __init__(
        self,
        engine: Engine,
        network: Network,
        *,
        corpus: Corpus | None = None,
        watcher: Watcher | None = None,
        required: Iterable[str] = (),
        keeper: Keeper | None = None,
        start: Weights | None = None,
    ) -> None:
        self.engine = engine
        self.network = network
        self.corpus = corpus
        self.watcher = watcher or Watcher()
        self.required = tuple(required)
        self.keeper = keeper
        self.start = start
        self.name = network.architecture.name
        self.facts: Facts | None = None

    def screen(self, plan: Plan) -> None:
        """Screen the network for a plan, and store it where it gets through.

        Raises:
            Refusal: It does not.
            UserError: The corpus has another network by its name.
        """
        architecture = self.network.architecture
        self.facts = self.engine.run(Screen.under(architecture.source, plan)).facts
        if self.corpus is not None:
            self.name = self.corpus.known(architecture.digest) or self.name
            self.corpus.add_architecture(
                name=self.name,
                source=architecture.source,
                digest=architecture.digest,
                family=self.network.family,
                hyperparameters=architecture.hyperparameters,
                facts=self.facts,
            )
        self.watcher.screened(self.name, self.facts)

    def open_run(
        self, plan: Plan, config: Mapping[str, Any], total: int, state: Mapping[str, Any]
    ) -> int | None:
        """A new run in the ledger; its number, None without a corpus.

        A search's trials are its own; otherwise the network is the run's one attempt.
        """
        if self.corpus is None:
            return None
        limits = self.engine.limits
        run = _start(self.corpus, plan, limits, {"network": self.name, **config}, total)
        architecture = self.network.architecture
        searched = "search" in config and "verdict" not in state
        attempt = (_candidate(self.name, architecture.source), self.name, architecture.digest)
        asked = [] if searched else [attempt]
        self.corpus.advance(run, told=0, state=state, asked=asked)
        return run

    def conclude(self, run: int, verdict: Verdict, reason: str, seconds: float) -> None:
        """Store what became of a run's attempt, with its trial where it has one."""
        corpus = self.corpus
        if corpus is None or not corpus.run(run).asked:  # a search, or of an older version
            return
        (attempt,) = corpus.attempts(run)
        trials = corpus.trials(run_id=run)
        outcome = Outcome(
            candidate=attempt.candidate,
            name=attempt.name,
            digest=attempt.digest,
            verdict=verdict,
            reason=reason,
            facts=self.facts,
            trial=trials[-1].result if trials else None,
            seconds=seconds,
        )
        corpus.record(run, 0, outcome, trial_id=trials[-1].id if trials else None)

    def trial(
        self,
        plan: Plan,
        *,
        run: int | None = None,
        test: bool = False,
        observer: Observer | None = None,
    ) -> TrialResult:
        """Train once under a plan; the trial and its epochs are stored as they come.

        Raises:
            UsageError: The network does not declare a required hyperparameter.
        """
        recorder = _Recorder(self, plan, run, observer or Observer())
        job = Train(
            source=self.network.architecture.source,
            plan=plan,
            test=test,
            keep=self.keeper.what if self.keeper and self.corpus else "none",
            start=self.start,
        )
        return recorder.finish(self.engine.run(job, recorder))


class Observer:
    """Hears of one trial what a search has to know, and may end it early."""

    reason = ""  # why it ended the trial

    def begun(self, trial_id: int) -> None:
        """It is in the corpus now."""

    def goes_on(self, epoch: Epoch) -> bool:
        """Whether to train on after this epoch."""
        return True


class _Recorder(Listener):
    """Writes one trial to the corpus."""

    def __init__(self, trainer: Trainer, plan: Plan, run: int | None, observer: Observer) -> None:
        self.trainer, self.plan, self.run, self.observer = trainer, plan, run, observer
        self.trial_id: int | None = None

    def built(self, hyperparameters: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        trainer = self.trainer
        hyperparameters = self._settled(hyperparameters)
        declared = set(hyperparameters) - {"batch", "transform", "epoch"}
        _refuse_unknown(trainer.name, declared, trainer.required)
        self._begin(hyperparameters, environment)

    def epoch(self, epoch: Epoch) -> bool:
        trainer = self.trainer
        if trainer.corpus is not None and self.trial_id is not None:
            trainer.corpus.add_epoch(self.trial_id, epoch)
        trainer.watcher.epoch(epoch)
        return self.observer.goes_on(epoch)

    def began(self, fitting: int, others: Sequence[str]) -> None:
        self.trainer.watcher.began(fitting, others)

    def printed(self, text: str) -> None:
        self.trainer.watcher.printed(text)

    def finish(self, result: TrialResult) -> TrialResult:
        result = replace(
            result,
            reason=result.reason or self.observer.reason,
            hyperparameters=self._settled(result.hyperparameters),
        )
        if self.trainer.corpus is None:
            return result
        if self.trial_id is None:  # refused before it was built
            self._begin(result.hyperparameters, result.environment)
        if self.trainer.keeper is None:
            self._close(result)
            return result
        with self.trainer.keeper.stored(result) as stored:
            self._close(stored)
        return stored

    def _close(self, result: TrialResult) -> None:
        assert self.trial_id is not None
        assert self.trainer.corpus is not None
        self.trainer.corpus.finish_trial(
            self.trial_id,
            result.verdict,
            result.reason,
            result.test_score,
            result.output,
            result.artifact,
        )

    def _settled(self, reported: Mapping[str, Any]) -> dict[str, Any]:
        """What the network was built with, on our own word where we know it.

        The worker's report is an untrusted process's, and a search rests on these values.
        """
        declared = self.trainer.network.architecture.hyperparameters or ()
        given = self.plan.protocol.hyperparameters
        known = {name: given[name] for name in given if name in declared or name in ALWAYS}
        fixed = {"transform": self.plan.transform, "epoch": self.plan.protocol.epochs}
        return {**reported, **known, **fixed}

    def _begin(self, hyperparameters: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        corpus, plan = self.trainer.corpus, self.plan
        if corpus is None:
            return
        self.trial_id = corpus.begin_trial(
            self.trainer.name,
            task=plan.task.name,
            dataset=plan.protocol.dataset,
            metric=plan.metric,
            transform=plan.transform,
            transform_source=plan.transform_source,
            hyperparameters=hyperparameters,
            seed=plan.protocol.seed,
            environment=environment,
            run_id=self.run,
        )
        self.observer.begun(self.trial_id)


def train(trainer: Trainer, plan: Plan, *, test: bool = False) -> Training:
    """Screen a network and train it once; a refusal is a verdict, not an exception.

    With a corpus, the network, the run (which a kill leaves to `resume`) and the trial are
    stored; a network that screening refused is a run whose state says why.
    """
    started = time.monotonic()
    try:
        trainer.screen(plan)
    except Refusal as refusal:
        return refused(trainer, plan, refusal, started)
    run = trainer.open_run(plan, {"test": test}, 1, {})
    return train_in(trainer, plan, run, test=test, started=started)


def train_in(
    trainer: Trainer, plan: Plan, run: int | None, *, test: bool, started: float
) -> Training:
    """Train once in a run that is open, and close it."""
    if trainer.corpus is None or run is None:
        result = trainer.trial(plan, test=test)
    else:
        with working_on(trainer.corpus, run) as work:
            trainer.corpus.drop_unfinished_trials(run)  # of a process that was killed
            result = trainer.trial(plan, run=run, test=test)
            close(trainer, run, result, started)
            if result.verdict is not Verdict.OK:
                work.failed(f"{result.verdict}: {result.reason}")
    return ended(trainer, result, run, started)


def close(trainer: Trainer, run: int, result: TrialResult, started: float) -> None:
    """Store what a run's only training ended in."""
    seconds = time.monotonic() - started
    trainer.conclude(run, result.verdict, result.reason, seconds)


def ended(trainer: Trainer, result: TrialResult, run: int | None, started: float) -> Training:
    """What came of a network that was trained once."""
    return Training(
        name=trainer.name,
        verdict=result.verdict,
        reason=result.reason,
        facts=trainer.facts,
        result=result,
        run=run,
        seconds=time.monotonic() - started,
    )


def refused(trainer: Trainer, plan: Plan, refusal: Refusal, started: float) -> Training:
    """What comes of a network that screening refused: a closed run that says why."""
    found = {"verdict": refusal.verdict, "reason": str(refusal)}
    run = trainer.open_run(plan, {}, 1, found)
    seconds = time.monotonic() - started
    if trainer.corpus is not None and run is not None:
        trainer.conclude(run, refusal.verdict, str(refusal), seconds)
        trainer.corpus.finish_run(run, "failed", f"{refusal.verdict}: {refusal}")
    return Training(
        name=trainer.name, verdict=refusal.verdict, reason=str(refusal), run=run, seconds=seconds
    )


def refused_unread(
    corpus: Corpus, plan: Plan, limits: Limits, name: str, source: str, refusal: Refusal
) -> None:
    """Store a file that is no network: a closed run with its attempt.

    Args:
        corpus: Where.
        plan, limits: What it was to be trained under.
        name: The user's word for it.
        source: Its text.
        refusal: Why it is none.
    """
    found = {"verdict": refusal.verdict, "reason": str(refusal)}
    candidate = _candidate(name, source)
    run = _start(corpus, plan, limits, {"network": name}, 1)
    corpus.advance(run, told=0, state=found, asked=[(candidate, name, "")])
    outcome = Outcome(
        candidate=candidate, name=name, digest="", verdict=refusal.verdict, reason=str(refusal)
    )
    corpus.record(run, 0, outcome)
    corpus.finish_run(run, "failed", f"{refusal.verdict}: {refusal}")


def _candidate(name: str, source: str) -> Candidate:
    return Candidate(source=source, generator=VERB, name=name)


def _start(
    corpus: Corpus, plan: Plan, limits: Limits, config: Mapping[str, Any], total: int
) -> int:
    return corpus.start_run(
        verb=VERB,
        generator="",
        config=config,
        seed=plan.protocol.seed,
        protocol=asdict(plan.protocol),
        limits=asdict(limits),
        total=total,
        environment=environment(limits),
    )
