"""Where mutants are made: parents are opened, mutations planned, made and verified."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from lemur2.architecture import Architecture
from lemur2.corpus import Facts
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import Outline, TraceNetwork
from lemur2.generators.mutation.code_mutator import CodeMutator
from lemur2.generators.mutation.model_planner import ModelPlanner
from lemur2.generators.mutation.plans import KINDS, Plan
from lemur2.generators.mutation.soundness import check
from lemur2.generators.mutation.verification import Verified, outlined, verify
from lemur2.tasks import Task


@dataclass
class Subject:
    """An opened parent.

    Attributes:
        source: Its file.
        facts, outline: What screening found, at the size that it was traced at.
        planner: Its planner, which remembers what was planned.
    """

    source: str
    facts: Facts
    outline: Outline
    planner: ModelPlanner


@dataclass(frozen=True)
class Attempt:
    """One mutation that was tried: its plan, the file, and whether that is valid."""

    plan: Plan
    source: str
    verified: Verified

    @property
    def valid(self) -> bool:
        """Whether the file runs and has changed as planned."""
        return not self.verified.problem


@dataclass
class Workshop:
    """Makes mutants of networks for one task.

    Attributes:
        engine: Where networks are traced and screened.
        task: What they are for.
        channels: Of their input.
    """

    engine: Engine
    task: Task
    channels: int = 3
    sizes: Sequence[int] = field(default=())

    def open(self, source: str, taken: Sequence[str] = ()) -> Subject:
        """Trace a parent at the smallest input that it works at.

        Args:
            source: Its file.
            taken: Keys of plans that are not to be proposed again.

        Raises:
            Refusal: It is no network, does not work, or cannot be traced.
        """
        Architecture.parse(source)
        sizes = self.sizes or self.task.input_sizes
        job = TraceNetwork.at_sizes(source, self.task, sizes, channels=self.channels)
        trace = self.engine.run(job)
        check(trace, source)
        facts, outline = outlined(
            self.engine, self.task, trace.size, source, channels=self.channels
        )
        return Subject(source, facts, outline, ModelPlanner(source, trace, taken))

    def attempt(
        self, subject: Subject, rng: random.Random, kinds: Sequence[str] = KINDS
    ) -> Attempt | None:
        """Plan a mutation, make it, and verify the file; None where no plan is left.

        Args:
            subject: The parent.
            rng: What is random about it.
            kinds: In order of preference: one that has a plan is used.
        """
        plan = subject.planner.plan(kinds, rng)
        if plan is None:
            return None
        source = CodeMutator(subject.source).apply(plan.edits)
        size = subject.planner.parent.trace.size
        known = (subject.facts, subject.outline)
        verified = verify(self.engine, self.task, size, source, plan, known)
        return Attempt(plan, source, verified)
