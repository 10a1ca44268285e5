"""The grow loop: ask, dedupe, evaluate, record, tell; killed at any instant, it goes on.

What a run does depends on its generator, protocol and seed alone. Candidates are evaluated in
whatever order workers get through them, and recorded as they finish, but told to the generator
in the order in which it gave them; and it is asked for more when, and only when, one was told.
Every step is one transaction, so that what is on disk is always a state the run passes through.

Of the corpus a run reads what was there when it began, its watermark, which the ledger keeps: what
other runs add meanwhile changes nothing, and what they have under way is done here as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.corpus import Attempt, Corpus, Outcome, Run
from lemur2.corpus.known import Known
from lemur2.corpus.pool import Pool, Terms
from lemur2.corpus.rows.watermark import Watermark
from lemur2.errors import UsageError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.plan import Plan, environment
from lemur2.llm.client import in_threads
from lemur2.loop.duplicates import Duplicates
from lemur2.loop.ending import working_on
from lemur2.loop.generator import Generator
from lemur2.loop.keeping import Keeper, Keeping, Podium, let_go
from lemur2.loop.ranking import loss
from lemur2.loop.sources import network_source
from lemur2.sandbox.limits import Limits

WINDOW = 16
NOTHING = Keeping(what="none")
Order = Literal["asked", "finished"]


@dataclass(frozen=True)
class Progress:
    """How a run stands after one more candidate was recorded; `best` is that of the whole run."""

    outcome: Outcome
    index: int
    recorded: int
    total: int
    best: Outcome | None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is, beside its generator and protocol. Kept in the ledger.

    Attributes:
        total: Candidates to ask for.
        window: Candidates that may be outstanding. It bounds how many workers have work, and
            what a generator knows when it proposes, so it is fixed for the whole run.
        order: In which outcomes are told: as they were `asked` for, which makes a run the same
            however long each takes; or as they `finished`, so that no slow candidate holds the
            generator up. Then a run is the same again with one worker only, but one that was
            killed still goes on from what it had heard.
        max_flops: Train what passes screening only up to so many FLOPs a sample; 0 for
            screening alone, None for no bound.
    """

    total: int
    window: int = WINDOW
    max_flops: float | None = None
    order: Order = "asked"

    def __post_init__(self) -> None:
        if self.total < 1 or self.window < 1:
            raise UsageError("a run needs at least 1 candidate, and a window of at least 1")


def start_run(
    corpus: Corpus, generator: Generator[Any], plan: Plan, limits: Limits, settings: Settings
) -> int:
    """Open a run in the ledger; its number. Nothing is asked yet."""
    return corpus.start_run(
        verb="grow",
        generator=generator.name,
        config=_config(generator, settings),
        seed=generator.seed,
        protocol=asdict(plan.protocol),
        limits=asdict(limits),
        total=settings.total,
        environment=environment(limits),
        bounded=True,
    )


def same_run(
    corpus: Corpus, generator: Generator[Any], plan: Plan, settings: Settings
) -> Run | None:
    """The latest run in the ledger that is just this one; None where there is none."""
    wanted = _command(generator, plan, settings)
    for run in reversed(corpus.runs()):
        config = {key: value for key, value in run.config.items() if key != "pool"}
        if json.dumps([run.generator, run.seed, config, run.protocol]) == wanted:
            return run
    return None


def _command(generator: Generator[Any], plan: Plan, settings: Settings) -> str:
    config = _config(generator, settings)
    return json.dumps([generator.name, generator.seed, config, asdict(plan.protocol)])


@contextmanager
def alone(
    corpus: Corpus, generator: Generator[Any], plan: Plan, settings: Settings
) -> Iterator[None]:
    """Keep other processes from starting or resuming just this run while the block lasts.

    Both would train the same networks: neither sees what the other does.

    Raises:
        UserError: Another process is at it.
    """
    run = same_run(corpus, generator, plan, settings)
    going = run is not None and corpus.at_work(run.id)
    which = f"run {run.id} is just this one, and" if run and going else "this very run"
    refusal = f"{which} is at work in another process; wait for it, or change --seed"
    with corpus.alone(_command(generator, plan, settings), refusal):
        yield


def grow(
    corpus: Corpus,
    run: int,
    generator: Generator[Any],
    plan: Plan,
    engine: Engine,
    on_progress: OnProgress | None = None,
    *,
    keeping: Keeping = NOTHING,
) -> None:
    """Carry a run on, from where the ledger says it stands, to its end.

    Args:
        corpus: Where the run is.
        run: Its number, from `start_run`.
        generator: A new instance with the run's config and seed; its state is loaded.
        plan: What candidates are evaluated under.
        engine: Where.
        on_progress: Called after every candidate that is recorded.
        keeping: Which weights to keep; by default none.

    Raises:
        UserError: The machine or the database does not allow it. The run can be resumed.
    """
    with working_on(corpus, run), closing(generator):
        _Loop(corpus, run, generator, plan, engine, on_progress, keeping).go()


class _Loop:
    def __init__(
        self,
        corpus: Corpus,
        run: int,
        generator: Generator[Any],
        plan: Plan,
        engine: Engine,
        on_progress: OnProgress | None,
        keeping: Keeping,
    ) -> None:
        self.keeper, self.podium = Keeper(corpus, keeping), Podium(keeping.top)
        stored = corpus.run(run)
        self.corpus, self.run, self.generator = corpus, run, generator
        self.plan, self.engine, self.on_progress = plan, engine, on_progress
        self.settings = Settings(**stored.config["settings"])
        self.told = stored.told
        self.candidates: list[tuple[Candidate, str, str]] = []
        self.outcomes: dict[int, Outcome] = {}  # recorded, not told yet
        self.recorded = 0
        self.best: Outcome | None = None
        self.networks: dict[str, str] = {}  # sources of those that transforms are tried on
        self.pending: dict[Future[Outcome], int] = {}
        watermark = Watermark(**stored.config["pool"])
        self.duplicates = Duplicates(Known(corpus, watermark), plan, self.settings.max_flops)
        generator.use(engine)
        generator.meet(_pool(corpus, watermark, plan))
        if stored.state is not None:
            generator.load_state(stored.state)

    def go(self) -> None:
        for attempt in self.corpus.attempts(self.run):
            self._restore(attempt)
        if not self.candidates or self.generator.piecemeal:
            self._ask()
        self._fill()
        while True:
            self._tell_and_ask()
            if not self.pending:
                break
            self._collect()

    def _collect(self, *others: Future[Any]) -> None:
        """Wait until something was evaluated, or one of the others is done; record what was."""
        done, _ = wait([*self.pending, *others], return_when=FIRST_COMPLETED)
        for future in sorted(done & self.pending.keys(), key=self.pending.__getitem__):
            self._record(self.pending.pop(future), future.result())

    def _fill(self) -> None:
        """Ask a generator that is piecemeal until the window is full or it has no more.

        It is asked in a thread, so that what it gave before is recorded meanwhile.
        """
        while self.generator.piecemeal and (room := self._room()) > 0:
            [asking] = in_threads(self.generator.ask, [room], 1)
            while not asking.done():
                self._collect(asking)
            if not self._take(asking.result()):
                return

    def _restore(self, attempt: Attempt) -> None:
        self.candidates.append((attempt.candidate, attempt.name, attempt.digest))
        if attempt.outcome is None:
            self._dispatch(attempt.index)
            return
        self._count(attempt.outcome)
        if attempt.outcome.trial is not None:
            leaving = self.podium.add(attempt.index, attempt.outcome)
            if leaving is not None:  # a process that was killed may not have got so far
                self._let_go(leaving)
        self.duplicates.restore(attempt)
        told = attempt.index < self.told if self._in_order else attempt.told is not None
        if not told:
            self.outcomes[attempt.index] = attempt.outcome

    def _tell_and_ask(self) -> None:
        """Tell what is due, one by one, and fill the window after each."""
        while (index := self._due()) is not None:
            self.generator.tell([self.outcomes.pop(index)])
            self.told += 1
            heard = None if self._in_order else index
            if self.generator.piecemeal:
                self._take([], heard)
                self._fill()
            else:
                self._ask(heard)

    @property
    def _in_order(self) -> bool:
        return self.settings.order == "asked"

    def _due(self) -> int | None:
        """The attempt that is to be told next; None where it is not recorded yet."""
        if self._in_order:
            return self.told if self.told in self.outcomes else None
        return next(iter(self.outcomes), None)

    def _room(self) -> int:
        """How many more candidates the window takes."""
        outstanding = len(self.candidates) - self.told
        return min(self.settings.window - outstanding, self.settings.total - len(self.candidates))

    def _ask(self, heard: int | None = None) -> None:
        """Ask for as many as the window takes."""
        room = self._room()
        self._take(self.generator.ask(room) if room > 0 else [], heard)

    def _take(self, given: Sequence[Candidate], heard: int | None = None) -> int:
        """Store what the generator gave with its state in one step; how many that were."""
        asked = [self.duplicates.identify(candidate) for candidate in given]
        indices = self.corpus.advance(
            self.run, told=self.told, state=self.generator.state(), asked=asked, heard=heard
        )
        self.candidates += asked
        for index in indices:
            self._dispatch(index)
        return len(asked)

    def _dispatch(self, index: int) -> None:
        """Have a candidate evaluated, or refuse it at once."""
        candidate, name, digest = self.candidates[index]
        outcome = self._refuse(candidate, name, digest)
        self.duplicates.remember(candidate, name, digest)
        if outcome is not None:
            self._record(index, outcome)
            return
        asked = Evaluation(
            candidate=candidate,
            name=name,
            digest=digest,
            plan=self.plan.for_candidate(candidate),
            network=self._network_for(candidate),
            max_flops=self.settings.max_flops,
            keep=self.keeper.what,
        )
        self.pending[self.engine.evaluate(asked)] = index

    def _network_for(self, candidate: Candidate) -> str | None:
        """Source of the network that a transform is tried on; None for a network."""
        if candidate.kind == "architecture":
            return None
        name = candidate.parents[0]
        if name not in self.networks:
            self.networks[name] = network_source(self.corpus, name)
        return self.networks[name]

    def _refuse(self, candidate: Candidate, name: str, digest: str) -> Outcome | None:
        """The outcome of a candidate that needs no evaluation; None where it does."""
        found: Mapping[str, Any]
        if not digest:
            refusal = _contract_refusal(candidate)
            found = {"verdict": refusal.verdict, "reason": str(refusal)}
        else:
            repeat = self.duplicates.repeated(candidate, name, digest)
            if repeat is None:
                return None
            found = {
                "verdict": Verdict.DUPLICATE,
                "reason": repeat.reason,
                "duplicate_of": repeat.of,
            }
        return Outcome(candidate=candidate, name=name, digest=digest, **found)

    def _record(self, index: int, outcome: Outcome) -> None:
        outcome = self._stored(index, outcome)
        self.outcomes[index] = outcome
        self._count(outcome)
        if self.on_progress is not None:
            step = Progress(outcome, index, self.recorded, self.settings.total, self.best)
            self.on_progress(step)

    def _stored(self, index: int, outcome: Outcome) -> Outcome:
        """Record an outcome, with its weights where they are to be kept."""
        if outcome.trial is None:
            return self.corpus.record(self.run, index, outcome, rename=True) or outcome
        leaving = self.podium.add(index, outcome)
        trial = replace(outcome.trial, weights=None) if leaving == index else outcome.trial
        with self.keeper.stored(trial) as stored:
            outcome = replace(outcome, trial=stored)
            recorded = self.corpus.record(self.run, index, outcome, rename=True) or outcome
        if leaving not in (None, index):
            self._let_go(leaving)
        return recorded

    def _let_go(self, index: int) -> None:
        """Keep an outcome's weights no longer."""
        trial_id = self.corpus.trial_of(self.run, index)
        if trial_id is not None and self.corpus.artifacts(trial_id=trial_id):
            let_go(self.corpus, self.keeper.store, [trial_id])

    def _count(self, outcome: Outcome) -> None:
        self.recorded += 1
        scored = [each for each in (self.best, outcome) if each and each.score is not None]
        self.best = min(scored, key=loss, default=None)


def _pool(corpus: Corpus, watermark: Watermark, plan: Plan) -> Pool:
    protocol = plan.protocol
    terms = Terms(
        metric=plan.metric,
        transform=plan.transform,
        hyperparameters=protocol.hyperparameters,
        epochs=protocol.epochs,
        seed=protocol.seed,
    )
    return Pool(
        corpus, task=plan.task.name, dataset=protocol.dataset, watermark=watermark, terms=terms
    )


def _config(generator: Generator[Any], settings: Settings) -> dict[str, Any]:
    return {"generator": generator.describe(), "settings": asdict(settings)}


def _contract_refusal(candidate: Candidate) -> Refusal:
    try:
        candidate.parse()
    except Refusal as refusal:
        return refusal
    raise AssertionError("a candidate without a digest breaks the contract")
