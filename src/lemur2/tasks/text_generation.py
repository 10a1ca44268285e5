"""Text generation, character by character: a window in, scores for every next character out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur2.architecture import Refusal, Verdict
from lemur2.tasks.base import InputPipeline, Task
from lemur2.tasks.batches import ShuffledBatches
from lemur2.tasks.outputs import describe, real_scores, tensors

if TYPE_CHECKING:
    import torch

CUTS = 6  # places where `check` changes the rest of the window
CHECK_ROWS = 4
CHECK_TOLERANCE = 1e-4  # of the scores' largest magnitude; float32 noise is about 1e-6 of it

# What a window and its audited copy may differ by. Rounding to bfloat16 on the way costs up to
# 0.4 % of a score; what a look at the next character gains is far more.
AUDIT_TOLERANCE = 0.02  # nats of log-probability, and the same share of it
AUDIT_FLIPS = 0.02  # share of best guesses that may flip, between near ties
AUDIT_DEVIATIONS = 6.0  # standard deviations by which a guess of a spliced character may succeed

REMEDY = "let position t depend on characters 0 to t only (mask attention, pad on the left)"


class TextGeneration(Task):
    """Inputs are int64 characters (B, S), targets the characters one further on (B, S).

    Outputs are scores (B, S, V) over a vocabulary of V characters: position t predicts character
    t + 1 from characters 0..t. Since the characters to predict are inputs of the same window, a
    network could read them off; `check` and the audits catch one that does. It is evaluated by a
    worker that has its parameters and buffers alone: what it keeps elsewhere is not there.
    """

    name = "txt-generation"
    metrics = ("acc", "ppl")
    input_sizes = (64, 128)
    transformed = False
    inputs_tell = True
    continues = True

    def example(
        self, sample_shape: Sequence[int], outputs: Sequence[int], batch: int, seed: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Uniform random characters, and the same shifted by one as targets."""
        import torch

        random = torch.Generator().manual_seed(seed)
        text = torch.randint(outputs[0], (batch, sample_shape[0] + 1), generator=random)
        return text[:, :-1].contiguous(), text[:, 1:].contiguous()

    def sample_shape(self, size: int, channels: int) -> tuple[int, ...]:
        """(size,) characters; text has no channels."""
        return (size,)

    @property
    def default_outputs(self) -> tuple[int, ...]:
        """A vocabulary of 100 characters, about what English text with code has."""
        return (100,)

    def predictions(
        self, output: Any, inputs: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        """The scores as float32 (B, S, V), from (B, S, V) or (B·S, V), alone or first in a tuple.

        Raises:
            Refusal: Verdict `shape`, where the output is neither, or its scores are not real.
        """
        batch, length = inputs.shape
        shape = (batch, length, outputs[0])
        first = next(tensors(output), None)
        if first is None or tuple(first.shape) not in (shape, (batch * length, outputs[0])):
            reason = f"forward returned {describe(output)}, the task needs (B, S, V) = {shape}"
            remedy = "give one score per character of the vocabulary at every position"
            raise Refusal(Verdict.SHAPE, reason, remedy=remedy)
        return real_scores(first).reshape(shape)

    def loss(
        self, output: Any, inputs: torch.Tensor, targets: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        """Mean cross-entropy over all positions, in nats."""
        from torch.nn.functional import cross_entropy

        scores = self.predictions(output, inputs, outputs)
        return cross_entropy(scores.flatten(0, 1), targets.flatten())

    def check(
        self, net: torch.nn.Module, sample_shape: Sequence[int], outputs: Sequence[int]
    ) -> None:
        """Refuse a network whose predictions change when later characters do.

        Windows are compared with copies whose characters after a random cut are replaced, in
        evaluation mode and with the same random numbers. A network whose predictions differ for
        one and the same input (it carries state from call to call) is refused as well.
        """
        import torch

        inputs, _ = self.example(sample_shape, outputs, CHECK_ROWS, seed=1)
        others, _ = self.example(sample_shape, outputs, CHECK_ROWS * CUTS, seed=2)
        random = torch.Generator().manual_seed(3)
        length = sample_shape[0]
        training = net.training
        net.eval()
        try:
            scores = self._scores(net, inputs, outputs)
            again = self._scores(net, inputs, outputs)
            _require_same(scores, again, "predictions for the same input change from call to call")
            for rest in others.split(CHECK_ROWS):
                cut = int(torch.randint(1, length, (), generator=random))
                changed = torch.cat([inputs[:, :cut], rest[:, cut:]], dim=1)
                before = self._scores(net, changed, outputs)[:, :cut]
                reason = f"a prediction before character {cut} changes when later characters do"
                _require_same(scores[:, :cut], before, reason)
        finally:
            net.train(training)

    def _scores(
        self, net: torch.nn.Module, inputs: torch.Tensor, outputs: Sequence[int]
    ) -> torch.Tensor:
        import torch

        device = next((parameter.device for parameter in net.parameters()), inputs.device)
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(0)
            return self.predictions(net(inputs.to(device)), inputs, outputs).cpu()

    def train_batches(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        pipeline: InputPipeline | None,
        batch: int,
        seed: int,
    ) -> ShuffledBatches:
        """Batches of windows in random order, int64 both; there is no transform for text."""
        return ShuffledBatches(inputs, targets, _as_integers, batch, seed)

    def targets_shape(self, inputs_shape: Sequence[int]) -> tuple[int, ...]:
        """A next character for every character."""
        return tuple(inputs_shape)

    def audits(self, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One copy per window, its characters after a random cut taken from another window."""
        rows, length = inputs.shape
        donors: np.ndarray = (np.arange(rows) + rng.integers(1, max(rows, 2), rows)) % rows
        cuts: np.ndarray = rng.integers(1, length, (rows, 1))
        after = np.arange(length) >= cuts
        return np.where(after, inputs[donors], inputs)

    def check_audits(
        self, inputs: np.ndarray, outputs: np.ndarray, audits: np.ndarray, audit_outputs: np.ndarray
    ) -> None:
        """Compare the predictions for windows and their copies up to where the copies differ.

        What counts is what a score is made of: the probability of the character that follows, so
        that no choice of scale hides a difference; and the best guess, so that no difference too
        small for that decides it.

        A network may remember windows, and give a copy of one that it has seen what it gave
        before. It then gives itself away where it met the copy first: the first character that
        was put in comes from elsewhere, so an honest network guesses it no better than it
        guesses those that were put into other copies.

        Args:
            inputs: Windows (M, S).
            outputs: Scores (M, S, V) for them.
            audits: The copies that `audits` made of them, in the same order.
            audit_outputs: Scores (M, S, V) for the copies.
        """
        same = (np.cumsum(inputs != audits, axis=1) == 0)[:, :-1]
        edge = same & ~np.pad(same[:, 1:], ((0, 0), (0, 1)))  # the last position before the cut
        changed = _changed(inputs, outputs, audit_outputs, same, edge)
        if changed.any():
            reason = f"predictions of {changed.sum()} of {len(inputs)} windows change"
            raise Refusal(Verdict.CONTRACT, f"{reason} when later characters do", remedy=REMEDY)
        rows, at = np.nonzero(edge & (inputs != audits)[:, 1:])
        for scores in (outputs, audit_outputs):
            if _foresees(scores[rows, at], audits[rows, at + 1]):
                reason = "it predicts characters that only the later part of a window could tell"
                raise Refusal(Verdict.CONTRACT, reason, remedy=REMEDY)


def _changed(
    inputs: np.ndarray,
    outputs: np.ndarray,
    audit_outputs: np.ndarray,
    same: np.ndarray,
    edge: np.ndarray,
) -> np.ndarray:
    """Which windows (M,) had another prediction where `same` (M, S - 1) allows none.

    None where all that differs are few best guesses, between near ties.
    """
    following = inputs[:, 1:, None]
    real = _log_probabilities(outputs[:, :-1], following)
    other = _log_probabilities(audit_outputs[:, :-1], following)
    moved = same & ~np.isclose(real, other, rtol=AUDIT_TOLERANCE, atol=AUDIT_TOLERANCE)
    flips = same & (outputs[:, :-1].argmax(-1) != audit_outputs[:, :-1].argmax(-1))
    many = any(flips[of].sum() > 1 + AUDIT_FLIPS * of.sum() for of in (same, edge))
    return (moved | flips).any(axis=1) if many or moved.any() else np.zeros(len(inputs), bool)


def _foresees(scores: np.ndarray, spliced: np.ndarray) -> bool:
    """Whether scores (M, V) tell the M spliced characters beyond what chance allows."""
    if len(scores) == 0:
        return False
    everyone = np.broadcast_to(spliced, (len(scores), len(spliced)))[..., None]
    probability = np.exp(_log_probabilities(scores[:, None], everyone))
    guessed = scores.argmax(-1)[:, None] == spliced
    for success in (probability, guessed.astype(np.float64)):
        chance = success.mean()
        allowed = AUDIT_DEVIATIONS * np.sqrt((chance + 1 / len(scores)) / len(scores))
        if np.diagonal(success).mean() > chance + allowed:
            return True
    return False


def _log_probabilities(scores: np.ndarray, characters: np.ndarray) -> np.ndarray:
    """Of given characters (..., 1), under the softmax of scores (..., V): (...)."""
    shifted = scores.astype(np.float64) - scores.max(-1, keepdims=True)
    normalised = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    normalised = np.broadcast_to(normalised, (*characters.shape[:-1], scores.shape[-1]))
    return np.take_along_axis(normalised, characters, axis=-1)[..., 0]


def _require_same(scores: torch.Tensor, changed: torch.Tensor, reason: str) -> None:
    import torch

    scale = float(scores.abs().nan_to_num(posinf=0.0).max())
    if not torch.allclose(
        scores, changed, rtol=CHECK_TOLERANCE, atol=CHECK_TOLERANCE * scale, equal_nan=True
    ):
        raise Refusal(Verdict.CONTRACT, reason, remedy=REMEDY)


def _as_integers(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return batch.long()
