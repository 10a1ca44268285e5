"""The contract of a task: what goes into a network, what comes out, how it is screened and scored.

Nothing outside a task's own file knows what kind of data it handles. A task has two sides. The
*worker side* runs beside the untrusted network, imports torch inside its methods, and never sees
a held-out target. The *parent side* scores predictions with numpy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from lemur2.metrics.perplexity import cross_entropy

if TYPE_CHECKING:
    import torch


class InputPipeline(Protocol):
    """Turns raw stored samples into network inputs, batch-wise (see `lemur2.transforms`)."""

    def train(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Apply everything, random operations drawn from `generator`."""

    def evaluate(self, batch: torch.Tensor) -> torch.Tensor:
        """Apply the deterministic form."""


class Task(ABC):
    """Subclass, set the class variables, implement the methods, register."""

    name: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]  # names it can be scored by; the first is the default
    input_sizes: ClassVar[tuple[int, ...]]  # tried in order by `check`; the smallest that works
    transformed: ClassVar[bool]  # whether inputs pass through a transform
    # Whether held-out inputs hold what is to be predicted, as a text holds its next characters. A
    # network could then learn them from one evaluation for the next, so every evaluation is done by
    # a new worker, which has the source and the trained weights alone.
    inputs_tell: ClassVar[bool] = False
    continues: ClassVar[bool] = False  # whether what it predicts continues its input: a text

    # -- worker side ---------------------------------------------------------------------------

    @abstractmethod
    def example(
        self, sample_shape: Sequence[int], outputs: Sequence[int], batch: int, seed: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A random (inputs, targets) batch of the given shape, for screening.

        `sample_shape` is a transformed sample's shape without the batch axis.
        """

    @abstractmethod
    def sample_shape(self, size: int, channels: int) -> tuple[int, ...]:
        """The shape of a transformed sample at one of `input_sizes`, when no data set is given."""

    @property
    @abstractmethod
    def default_outputs(self) -> tuple[int, ...]:
        """`out_shape` to screen with when no data set is given."""

    @abstractmethod
    def predictions(
        self, output: Any, inputs: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        """The scores in what `forward` returned, shaped as the metrics want them.

        Raises:
            Refusal: With verdict `shape`, where the output is not what the task needs.
        """

    @abstractmethod
    def loss(
        self, output: Any, inputs: torch.Tensor, targets: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        """A scalar to run backward from; auxiliary outputs included where there are any."""

    def check(
        self, net: torch.nn.Module, sample_shape: Sequence[int], outputs: Sequence[int]
    ) -> None:
        """Rules of the task beyond shapes, tried on a built network. By default none.

        Raises:
            Refusal: With verdict `contract`, where the network breaks one.
        """

    @abstractmethod
    def train_batches(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        pipeline: InputPipeline | None,
        batch: int,
        seed: int,
    ) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch of shuffled training batches, with a length; what `learn` is given."""

    def blank(self, sample_shape: Sequence[int]) -> np.ndarray:
        """One raw sample as a data set stores it, of no content: what a network is built on."""
        return np.zeros((1, *sample_shape), np.uint8 if self.transformed else np.int64)

    # -- parent side ---------------------------------------------------------------------------

    def scores_shape(self, targets: np.ndarray, outputs: Sequence[int]) -> tuple[int, ...]:
        """The shape that predictions for these targets must have: the classes come last."""
        return (*targets.shape, outputs[0])

    def targets_shape(self, inputs_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the targets that belong to inputs of a shape: by default one for each."""
        return (inputs_shape[0],)

    def ranked(
        self, scores: np.ndarray, names: Sequence[str], most: int
    ) -> list[tuple[str, float]]:
        """What a person is shown of the scores of one sample.

        Args:
            scores: With the classes last; where there are several places, the last one counts.
            names: Of the classes.
            most: Names to give.

        Returns:
            Names with their probabilities, the likeliest first.
        """
        last = scores.reshape(-1, scores.shape[-1])[-1].astype(np.float64)
        shares = np.exp(last - last.max())
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:most]
        return [(names[index], float(shares[index])) for index in best]

    def validation_loss(self, scores: np.ndarray, targets: np.ndarray) -> float | None:
        """Mean cross-entropy in nats; None in a task that has no such loss."""
        return cross_entropy(scores, targets)

    def audits(self, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Altered copies of held-out inputs, mixed among them to catch a cheating network.

        Returns an array like `inputs`, row i the altered copy of `inputs[i]`, or None where the
        task has no such check. The caller chooses which inputs to have audited (two or more).
        """
        return None

    def check_audits(
        self, inputs: np.ndarray, outputs: np.ndarray, audits: np.ndarray, audit_outputs: np.ndarray
    ) -> None:
        """Compare what the network gave for `inputs` with what it gave for their altered copies.

        Raises:
            Refusal: With verdict `contract`, where it gave itself away.
        """
