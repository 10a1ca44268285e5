"""Screening of files, several at a time, outside any run of a generator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Self

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.corpus import Corpus, Facts, Outcome
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.jobs import Screen
from lemur2.evaluation.plan import Plan, environment
from lemur2.loop.ending import working_on
from lemur2.loop.sources import Found, Network
from lemur2.sandbox.limits import Limits
from lemur2.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Input:
    """What networks are screened at: a task's own sizes, or a plan's data and transform."""

    task: Task
    channels: int = 3
    plan: Plan | None = None

    def screen(self, source: str) -> Screen:
        """The job that screens one."""
        if self.plan is not None:
            return Screen.under(source, self.plan)
        return Screen.at_sizes(source, self.task, channels=self.channels)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What screening found of one file.

    Attributes:
        found: The file.
        network: What it holds; None where it does not parse or breaks the contract.
        verdict, reason: `ok`, or what refused it and why, with line and remedy where known.
        complaints: The reason in lines, one for each thing that is to be mended.
        facts: Measured; None where it was refused.
        seconds: Wall time; 0 where it was not screened.
    """

    found: Found
    network: Network | None
    verdict: Verdict
    reason: str
    facts: Facts | None
    seconds: float
    complaints: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was tolerated: deviations from the contract, parameters without gradient."""
        warnings = self.network.architecture.warnings if self.network else ()
        return (*warnings, *(self.facts.notes if self.facts else ()))


def check_all(found: Sequence[Found], at: Input, engine: Engine) -> Iterator[Checked]:
    """Screen files, as many at a time as the engine has workers; yields in the order given.

    The engine is entered when the first file gets that far, unless it was before, and left at the
    end: files that do not even parse cost no sandbox.

    Raises:
        UserError: The machine cannot isolate candidates.
    """
    parsed = [_parse(each) for each in found]
    with ExitStack() as stack:
        if any(isinstance(each, Network) for each in parsed):
            stack.enter_context(engine.opened())
        futures = [
            engine.evaluate(_evaluation(each, at)) if isinstance(each, Network) else None
            for each in parsed
        ]
        for each, network, future in zip(found, parsed, futures, strict=True):
            yield _checked(each, network, future.result() if future else None)


def _parse(found: Found) -> Network | Refusal:
    try:
        return found.network()
    except Refusal as refusal:
        return refusal


def _evaluation(network: Network, at: Input) -> Evaluation:
    architecture = network.architecture
    candidate = Candidate(source=architecture.source, generator="file")
    return Evaluation(
        candidate=candidate,
        name=architecture.name,
        digest=architecture.digest,
        screen=at.screen(architecture.source),
    )


def _checked(found: Found, parsed: Network | Refusal, outcome: Outcome | None) -> Checked:
    if isinstance(parsed, Refusal):
        return Checked(
            found=found,
            network=None,
            verdict=parsed.verdict,
            reason=str(parsed),
            facts=None,
            seconds=0.0,
            complaints=tuple(parsed.lines()),
        )
    assert outcome is not None, "what parses is screened"
    return Checked(
        found=found,
        network=parsed,
        verdict=outcome.verdict,
        reason=outcome.reason,
        facts=outcome.facts,
        seconds=outcome.seconds,
        complaints=(outcome.reason,) if outcome.reason else (),
    )


class Ledger:
    """Stores what was checked as a run of its own, refused files included."""

    def __init__(self, corpus: Corpus, run: int) -> None:
        self.corpus = corpus
        self.run = run

    @classmethod
    @contextmanager
    def open(cls, corpus: Corpus, at: Input, limits: Limits, total: int) -> Iterator[Self]:
        """A new run, which ends with the block."""
        protocol: dict[str, Any] = {"task": at.task.name, "channels": at.channels}
        if at.plan is not None:
            protocol = asdict(at.plan.protocol)
        run = corpus.start_run(
            verb="check",
            generator="file",
            config={},
            seed=0,
            protocol=protocol,
            limits=asdict(limits),
            total=total,
            environment=environment(limits),
        )
        with working_on(corpus, run):
            yield cls(corpus, run)

    def add(self, checked: Checked) -> str | None:
        """Store one; the name that the corpus has it under, None where it was refused.

        A network that the corpus has already is not stored twice: its attempt is a duplicate.
        """
        outcome = self._outcome(checked)
        asked = (outcome.candidate, outcome.name, outcome.digest)
        (index,) = self.corpus.advance(self.run, told=0, state=None, asked=[asked])
        self.corpus.record(self.run, index, outcome)
        if checked.verdict is not Verdict.OK:
            return None
        return outcome.duplicate_of or outcome.name

    def _outcome(self, checked: Checked) -> Outcome:
        source = checked.found.data.decode("utf-8-sig", "replace")
        found: dict[str, Any] = {"verdict": checked.verdict, "reason": checked.reason}
        name, digest, kin = _name(checked), "", ""
        if checked.network is not None:
            architecture = checked.network.architecture
            source, digest, kin = architecture.source, architecture.digest, checked.network.family
            twin = self.corpus.known(digest) if checked.verdict is Verdict.OK else None
            if twin is not None and twin != architecture.name:
                reason = f"the same network as {twin}"
                found = {"verdict": Verdict.DUPLICATE, "reason": reason, "duplicate_of": twin}
        candidate = Candidate(source=source, generator=checked.found.origin, prefix=kin, name=name)
        facts = checked.facts if "duplicate_of" not in found else None
        return Outcome(
            candidate=candidate,
            name=name,
            digest=digest,
            facts=facts,
            seconds=checked.seconds,
            **found,
        )


def _name(checked: Checked) -> str:
    """The network's name; the user's word for the file where it holds none."""
    return checked.network.architecture.name if checked.network else checked.found.label
