"""The values that the corpus records: what an evaluation found. No torch, JSON-able throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lemur2.architecture import Candidate, Verdict


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What screening measured on a network that built.

    Attributes:
        input_size: Smallest tried input size that works (pixels a side, or characters).
        sample_shape: The sample shape that the other figures were measured at.
        outputs: The `out_shape` they were measured at.
        parameters: Trainable and frozen parameters, in all.
        flops: Of one sample's forward pass, multiply and add counted apart; None if unknown.
        memory: Peak resident bytes that the worker added to what it started with.
        seconds: From the job's sending to the worker's answer, by the parent's clock.
        structure_digest: Hex digest of modules, shapes and connections.
        notes: What was tolerated (an auxiliary head without gradient, ...).
    """

    input_size: int
    sample_shape: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: int
    flops: int | None
    memory: int
    seconds: float
    structure_digest: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch of a trial: `score` and `loss` on the validation part, both from predictions."""

    epoch: int  # 1-based
    score: float
    loss: float | None
    seconds: float  # from the word to begin to the worker's report, by the parent's clock
    memory: int  # peak resident bytes so far, by the worker's own word
    # What the network tells of itself (`Net.diagnostics()`): numbers and nested lists of them, by
    # name. Its own word, so nothing is ranked by it.
    diagnostics: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A trained network's parameters and buffers.

    Attributes:
        epoch: After which it had them.
        data: The bytes of a safetensors file.
        plan: What it was trained under, as JSON: all that using them takes.
    """

    epoch: int
    data: bytes = field(repr=False)
    plan: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Weights that are kept: a file of an artifact store.

    Attributes:
        epoch, plan: As in `Weights`.
        digest: SHA-256 of the file, in hex: its name.
        size: Of the file, in bytes.
    """

    epoch: int
    digest: str
    size: int
    plan: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One training under a protocol.

    Attributes:
        task, dataset, metric, transform: Names.
        hyperparameters: What `prm` held (lr, batch, momentum, dropout, ..., transform, epoch).
        seed: Of weights, order and augmentation; None where it is not known (imported trials).
        verdict, reason: `ok`, or what ended it early; of one that is `ok`, what is to be noted.
        epochs: One row per finished epoch.
        test_score: On the test part; only for reported champions, else None.
        environment: Versions, device, threads.
        transform_source: The transform's source text, "" where the task has none.
        output: What the network printed while it was trained, as far as that is kept. Not read
            back with a trial: see `Corpus.printed`.
        weights: Of the trained network, where they were to be kept; not stored yet.
        artifact: Where its weights are. Not read back with a trial: see `Corpus.artifacts`.
    """

    task: str
    dataset: str
    metric: str
    transform: str
    hyperparameters: Mapping[str, Any]
    seed: int | None
    verdict: Verdict
    reason: str = ""
    epochs: tuple[Epoch, ...] = ()
    test_score: float | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    transform_source: str = ""
    output: str = field(default="", compare=False)
    weights: Weights | None = field(default=None, compare=False, repr=False)
    artifact: Artifact | None = field(default=None, compare=False)

    @property
    def score(self) -> float | None:
        """The last epoch's score; None where no epoch finished."""
        return self.epochs[-1].score if self.epochs else None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate. A failure is never a number: then `score` is None.

    Attributes:
        candidate: What was proposed.
        name: Its name in the corpus.
        digest: Its canonical digest; "" where it does not parse.
        verdict, reason: Of the whole evaluation.
        facts: From screening, where it got through.
        trial: From training, where it was trained.
        duplicate_of: Name of the known one, where the verdict is `duplicate`.
        seconds: Wall time in all.
    """

    candidate: Candidate
    name: str
    digest: str
    verdict: Verdict
    reason: str = ""
    facts: Facts | None = None
    trial: TrialResult | None = None
    duplicate_of: str | None = None
    seconds: float = 0.0

    @property
    def score(self) -> float | None:
        """The trial's score where the verdict is `ok`, else None."""
        return self.trial.score if self.trial and self.verdict is Verdict.OK else None
