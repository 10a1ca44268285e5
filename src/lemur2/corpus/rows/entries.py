"""What the corpus gives back: stored architectures, runs, attempts and trials, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lemur2.architecture import Candidate
from lemur2.corpus.records import Facts, Outcome, TrialResult

Status = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class StoredArchitecture:
    """A network in the corpus.

    Attributes:
        name: Unique in the corpus.
        family: What its name says before the digest (`architecture.family`), else its generator.
        digest: Canonical digest of its syntax tree.
        source: Its text.
        hyperparameters: Names that it declares; None where they were not read.
        facts: From screening; None where it was not screened (an imported one).
        parents: Names of what it was made from.
        created: Seconds since 1970.
        flagged: Why it is to be taken with care (it does not parse, ...); None where it is not.
        imported: Whether it came from another corpus.
    """

    name: str
    family: str
    digest: str
    source: str
    hyperparameters: tuple[str, ...] | None
    facts: Facts | None
    parents: tuple[str, ...]
    created: float
    flagged: str | None = None
    imported: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """A row of the ledger.

    Attributes:
        id: Its number, as `lemur2 resume` takes it.
        verb: The command: `grow`, `train`, ...
        generator: Name of the generator; "" where there is none.
        config, seed, protocol, limits: What it was started with.
        total: Attempts to make; None where open-ended.
        status: `running` (or killed), `finished`, `failed`, `interrupted`.
        reason: Why it failed; "" where it did not.
        asked, told: Candidates asked for, outcomes told, so far.
        done: Attempts with a verdict; trials that ended, where the verb is `train`.
        state: The generator's, at `told`; None before the first step.
        environment: Versions, device, threads.
        version: Of lemur2.
        created, updated: Seconds since 1970.
    """

    id: int
    verb: str
    generator: str
    config: Mapping[str, Any]
    seed: int
    protocol: Mapping[str, Any]
    limits: Mapping[str, Any]
    total: int | None
    status: Status
    asked: int
    told: int
    done: int
    state: Any
    environment: Mapping[str, Any]
    version: str
    created: float
    updated: float
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A candidate that a run asked for; `outcome` is None while it is pending."""

    index: int
    candidate: Candidate
    name: str
    digest: str
    outcome: Outcome | None
    told: int | None = None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A stored trial that has ended: what it found, of which architecture, in which run.

    `uid` is what an imported trial's own corpus called it; `run` is None for those, too. `flagged`
    says why its scores are to be taken with care, and is None where they are not.
    """

    id: int
    architecture: str
    run: int | None
    uid: str | None
    created: float
    result: TrialResult
    flagged: str | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A place in a leaderboard: a network's best epoch on a data set.

    `prm` holds its hyperparameters; `test_score` is None unless it was scored on the test part.
    """

    rank: int
    nn: str
    family: str
    metric: str
    accuracy: float
    epoch: int
    transform: str
    prm: Mapping[str, Any]
    test_score: float | None
