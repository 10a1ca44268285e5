"""Which candidates a run does not evaluate, because it, or the corpus before it, has them done."""

from __future__ import annotations

import json
from functools import partial
from typing import NamedTuple

from lemur2.architecture import Candidate, Refusal
from lemur2.architecture.names import content_name, second_name
from lemur2.corpus import Attempt
from lemur2.corpus.known import Known, Training
from lemur2.corpus.repeats import Rule, reason
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.protocol import value


class Repeat(NamedTuple):
    """That a candidate is a duplicate: of what, by name, and the reason to give."""

    of: str
    reason: str


class Duplicates:
    """Names a run's candidates, and tells which are duplicates. See decision 025.

    What it answers depends on the run's own candidates in the order of asking, and on what the
    corpus held when the run began; not on what others do meanwhile.

    Args:
        known: What the corpus held then.
        plan: What the run trains under.
        max_flops: Up to where it trains; 0 where it only screens, None for no bound.
    """

    def __init__(self, known: Known, plan: Plan, max_flops: float | None) -> None:
        self.known, self.plan, self.max_flops = known, plan, max_flops
        self.training = _training(plan)
        self._digests: dict[str, str] = {}  # of this run's, by `_key`: the first name
        self._names: dict[str, str] = {}  # of those that keep the contract: name -> digest

    def identify(self, candidate: Candidate) -> tuple[Candidate, str, str]:
        """A candidate with its name and canonical digest; "" where it breaks the contract.

        A network that the corpus knows has the name that it has there; a new one whose given name
        is another's there gets a second one.
        """
        try:
            read = candidate.parse()
        except Refusal:
            return candidate, candidate.name or content_name(candidate.prefix, candidate.source), ""
        name, digest = read.name, read.digest
        if candidate.kind == "architecture":
            if known := self.known.name(digest):
                name = known
            elif candidate.name is not None and self.known.digest(name):
                name = second_name(name, digest)
        return candidate, name, digest

    def remember(self, candidate: Candidate, name: str, digest: str) -> None:
        """This one is in the run now."""
        self._digests.setdefault(_key(candidate, digest), name)
        if digest:
            self._names.setdefault(name, digest)

    def restore(self, attempt: Attempt) -> None:
        """This one is in the run, by the name that it was asked by.

        Where another run's network took that meanwhile, it was stored by its second name.
        """
        name = attempt.name
        if attempt.digest and name.endswith(second_name("", attempt.digest)):
            name = self.identify(attempt.candidate)[1]
        self.remember(attempt.candidate, name, attempt.digest)

    def repeated(self, candidate: Candidate, name: str, digest: str) -> Repeat | None:
        """Whether this one is a duplicate; None where it is to be evaluated."""
        found = self._in_run(candidate, name, digest) or self._in_corpus(candidate, name, digest)
        if found is None:
            return None
        rule, twin = found
        return Repeat(twin, reason(rule, candidate.kind, twin))

    def _in_run(self, candidate: Candidate, name: str, digest: str) -> tuple[Rule, str] | None:
        if twin := self._digests.get(_key(candidate, digest)):
            return "in this run", twin
        return ("whitespace", name) if self._name_is_taken(candidate, name, digest) else None

    def _in_corpus(self, candidate: Candidate, name: str, digest: str) -> tuple[Rule, str] | None:
        """One that brings its own training asks for a trial: the corpus's do not count."""
        if candidate.training:
            return None
        if twin := self._screened(candidate, name, digest):
            return "screened", twin
        twin = None if self.max_flops == 0 else self._trained(candidate, digest)
        return ("trained", twin) if twin else None

    def _trained(self, candidate: Candidate, digest: str) -> str | None:
        if candidate.kind == "architecture":
            return self.known.trained(digest, self.training)
        return self.known.tried(digest, candidate.parents[0], self.training)

    def _screened(self, candidate: Candidate, name: str, digest: str) -> str | None:
        """What was screened before, where screening is all that this candidate would get."""
        limit = self.max_flops
        if limit is None:
            return None
        if candidate.kind == "transform":
            here = (candidate.parents[0], self.plan.protocol.dataset)
            return None if limit else self.known.screened_transform(digest, *here)
        facts, spec = self.known.facts(digest), self.plan.spec
        if facts is None or (facts.flops or 1) <= limit:
            return None
        measured = (facts.sample_shape, facts.outputs)
        alike = measured == (tuple(spec.sample_shape), tuple(spec.outputs))
        return name if limit == 0 or alike else None

    def _name_is_taken(self, candidate: Candidate, name: str, digest: str) -> bool:
        """Whether another network has the name that this one gets after its content.

        Names leave whitespace out, which canonical digests do not: a statement that is indented
        differently makes another program of the same name, and the corpus can hold only one. Of
        transforms it holds any number.
        """
        if candidate.name is not None or candidate.kind == "transform":
            return False
        owner = self.known.digest(name) or self._names.get(name)
        return owner not in (None, digest)


def _key(candidate: Candidate, digest: str) -> str:
    """What makes a candidate one of its own: its source, and its training where it brings one.

    A transform counts with the network that it is for.
    """
    key = digest if candidate.kind == "architecture" else f"{digest} on {candidate.parents[0]}"
    return f"{key} {json.dumps(candidate.training)}" if candidate.training else key


def _training(plan: Plan) -> Training:
    protocol = plan.protocol
    return Training(
        task=plan.task.name,
        dataset=protocol.dataset,
        metric=plan.metric,
        transform=plan.transform,
        transform_source=plan.transform_source,
        epochs=protocol.epochs,
        seed=protocol.seed,
        amp=protocol.amp,
        checkpointing=protocol.checkpointing,
        value=partial(value, protocol.hyperparameters),
    )
