"""Screening of networks that a corpus already has: a run that is listed first, then worked off.

All networks of a run are stored as its pending attempts before the first is screened. Whatever ends
the process, what is still pending is what is left to do.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass
from typing import Any

from lemur2.architecture import Architecture, Candidate, Refusal, zoo_names
from lemur2.corpus import Attempt, Corpus, Outcome
from lemur2.corpus.query.screens import Unscreened, texts, unscreened
from lemur2.corpus.query.screens import families as families_of
from lemur2.errors import UsageError, UserError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.jobs import Screen
from lemur2.evaluation.plan import environment
from lemur2.loop.ending import working_on
from lemur2.sandbox.limits import Limits
from lemur2.suggestions import did_you_mean
from lemur2.tasks import task as task_by_name
from lemur2.tasks import task_names

VERB = "screen"
DEFAULT_TASK = "img-classification"
CHANNELS = 3
_AHEAD = 2  # screenings handed to each worker's thread at a time

OnOutcome = Callable[[int, Outcome], None]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a run will screen.

    Attributes:
        chosen: The networks with their tasks, in the order of screening.
        foreign: How many were left out because their tasks are unknown here, by task.
    """

    chosen: tuple[tuple[Unscreened, str], ...]
    foreign: Counter[str]


def select(
    corpus: Corpus,
    *,
    names: Collection[str] = (),
    families: Collection[str] = (),
    limit: int | None = None,
    seed: int = 0,
) -> Selection:
    """Networks without facts, in an order in which every family has its turn.

    A network's task is that of most of its trials, else that of the zoo's folder with its name,
    else image classification.

    Args:
        corpus: Where they are.
        names: Only these networks; all where none is named.
        families: Only these families; all where none is named.
        limit: At most so many.
        seed: Of the order within families, and of the families.

    Raises:
        UsageError: There is no network, or no family, of one of the names.
    """
    found = unscreened(corpus)
    _refuse_unknown(corpus, names, families)
    if names:
        found = [each for each in found if each.name in names]
    if families:
        found = [each for each in found if each.family in families]
    zoo = {name: task for task in task_names() for name in zoo_names(task)}
    tasks = {each.name: _task(each, zoo) for each in found}
    foreign = Counter(each.tasks[0] for each in found if tasks[each.name] is None)
    ordered = round_robin([each for each in found if tasks[each.name] is not None], seed)
    chosen = [(each, tasks[each.name] or "") for each in ordered[:limit]]
    return Selection(chosen=tuple(chosen), foreign=foreign)


def _refuse_unknown(corpus: Corpus, names: Iterable[str], wanted: Collection[str]) -> None:
    for name in names:
        if corpus.architecture(name) is None:
            hint = did_you_mean(name, corpus.names(), "`lemur2 data` lists what it has")
            raise UsageError(f"the corpus has no network {name}; {hint}")
    known = families_of(corpus) if wanted else {}
    for family in wanted:
        if family not in known:
            largest = ", ".join(sorted(known, key=lambda each: (-known[each], each))[:8])
            hint = did_you_mean(family, known, f"its largest are {largest}")
            raise UsageError(f"the corpus has no family {family!r}; {hint}")


def _task(network: Unscreened, zoo: dict[str, str]) -> str | None:
    known = [task for task in network.tasks if task in task_names()]
    if known:
        return known[0]
    return None if network.tasks else zoo.get(network.name, DEFAULT_TASK)


def round_robin(networks: Sequence[Unscreened], seed: int) -> list[Unscreened]:
    """One of every family, then the next of every family; both orders shuffled by the seed."""
    shuffled = random.Random(seed)
    families: dict[str, list[Unscreened]] = {}
    for each in sorted(networks, key=lambda each: each.name):
        families.setdefault(each.family, []).append(each)
    for family in sorted(families):
        shuffled.shuffle(families[family])
    turns = sorted(families)
    shuffled.shuffle(turns)
    longest = max(map(len, families.values()), default=0)
    return [
        families[family][turn]
        for turn in range(longest)
        for family in turns
        if turn < len(families[family])
    ]


def start(corpus: Corpus, selection: Selection, limits: Limits, seed: int) -> int:
    """Open a run with all its networks pending; its number.

    Raises:
        UsageError: There is nothing to screen.
    """
    chosen = selection.chosen
    if not chosen:
        raise UsageError(
            "nothing to screen: what was asked for has its facts, or is of a task not known here"
        )
    run = corpus.start_run(
        verb=VERB,
        generator="corpus",
        config={"families": len({each.family for each, _ in chosen})},
        seed=seed,
        protocol={"channels": CHANNELS},
        limits=asdict(limits),
        total=len(chosen),
        environment=environment(limits),
    )
    sources = texts(corpus, [each.name for each, _ in chosen])
    asked = [_asked(each, task, sources[each.name]) for each, task in chosen]
    corpus.advance(run, told=0, state=None, asked=asked)
    return run


def _asked(network: Unscreened, task: str, source: str) -> tuple[Candidate, str, str]:
    candidate = Candidate(
        source=source,
        generator="corpus",
        prefix=network.family,
        name=network.name,
        parameters={"task": task},
    )
    return candidate, network.name, network.digest


def screen_run(
    corpus: Corpus, run: int, engine: Engine, on_outcome: OnOutcome | None = None
) -> None:
    """Screen what a run has pending, to its end; outcomes are stored as they come.

    Args:
        corpus: Where the run is.
        run: Its number, from `start`.
        engine: Where; entered here.
        on_outcome: Called after each that was stored, with how many the run has done.

    Raises:
        UserError: The machine cannot isolate networks, or the run was killed before it was listed.
    """
    stored = corpus.run(run)
    if stored.asked != stored.total:
        raise UserError(
            f"run {run} was killed before its networks were listed; "
            "start another with `lemur2 screen --all`"
        )
    with working_on(corpus, run):
        attempts = corpus.attempts(run)
        pending = [attempt for attempt in attempts if attempt.outcome is None]
        done = len(attempts) - len(pending)
        for attempt, outcome in _screened(pending, engine):
            corpus.record(run, attempt.index, outcome)
            done += 1
            if on_outcome is not None:
                on_outcome(done, outcome)


def _screened(pending: Sequence[Attempt], engine: Engine) -> Iterable[tuple[Attempt, Outcome]]:
    """Outcomes as they come."""
    with engine.opened():
        left = iter(pending)
        running: dict[Future[Outcome], Attempt] = {}
        while True:
            while len(running) < _AHEAD * engine.workers and (attempt := next(left, None)):
                running[_submitted(attempt, engine)] = attempt
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda each: running[each].index):
                yield running.pop(future), future.result()


def _submitted(attempt: Attempt, engine: Engine) -> Future[Outcome]:
    """Have a network screened; what no longer keeps the contract is refused at once."""
    candidate = attempt.candidate
    found: dict[str, Any] = {"candidate": candidate, "name": attempt.name, "digest": attempt.digest}
    try:
        Architecture.parse(candidate.source)
    except Refusal as refusal:
        refused: Future[Outcome] = Future()
        refused.set_result(Outcome(**found, verdict=refusal.verdict, reason=str(refusal)))
        return refused
    kind = task_by_name(candidate.parameters["task"])
    screen = Screen.at_sizes(candidate.source, kind, channels=CHANNELS)
    return engine.evaluate(Evaluation(**found, screen=screen))
