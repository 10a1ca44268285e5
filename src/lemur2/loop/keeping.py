"""Keeping the weights of what was trained: a file first, then the row that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from lemur2.corpus import Artifact, Corpus, Outcome, TrialResult
from lemur2.corpus.artifacts import ArtifactStore, Pruned
from lemur2.corpus.rows.artifacts import Kept
from lemur2.errors import UsageError, UserError
from lemur2.evaluation.jobs import Keep
from lemur2.evaluation.weights import from_bytes
from lemur2.loop.ranking import loss
from lemur2.metrics import loss as loss_of

TOP = 3  # networks of a run whose weights are kept


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Which weights to keep, and where.

    Attributes:
        what: Those of the best epoch, of the last one, or none.
        top: Of a run of many networks, those of so many best ones.
        budget: Most bytes that the store's files may have together; None for no bound.
        place: The store; None for the corpus's own.
    """

    what: Keep = "best"
    top: int = TOP
    budget: int | None = None
    place: str | None = None

    def __post_init__(self) -> None:
        if self.top < 1 or (self.budget is not None and self.budget < 0):
            raise UsageError("the weights of at least 1 network are kept, and no negative size")


@dataclass
class Keeper:
    """Keeps the weights of one run, or of one training.

    Args:
        corpus: Where the rows are.
        keeping: Which, and where.
    """

    corpus: Corpus
    keeping: Keeping
    left_out: int = 0  # trainings whose weights were not kept for want of room
    _store: ArtifactStore | None = field(default=None, init=False)

    @property
    def what(self) -> Keep:
        """What a training is to report."""
        return self.keeping.what

    @property
    def store(self) -> ArtifactStore:
        """Where the files are. Raises UserError."""
        if self._store is None:
            self._store = self.corpus.artifact_store(self.keeping.place)
        return self._store

    @contextmanager
    def stored(self, trial: TrialResult) -> Iterator[TrialResult]:
        """The trial with its weights in a file; the block is to write the row that names it.

        Raises:
            UserError: The file cannot be written.
        """
        weights = trial.weights
        bare = replace(trial, weights=None)
        if weights is None or not self._has_room(len(weights.data)):
            yield bare
            return
        with self.store.writing():
            digest = self.store.put(weights.data)
            artifact = Artifact(
                epoch=weights.epoch, digest=digest, size=len(weights.data), plan=weights.plan
            )
            yield replace(bare, artifact=artifact)

    def _has_room(self, size: int) -> bool:
        if self.keeping.budget is None:
            return True
        files = {each.artifact.digest: each.artifact.size for each in self.corpus.artifacts()}
        fits = sum(files.values()) + size <= self.keeping.budget
        self.left_out += not fits
        return fits


class Podium:
    """The best outcomes of a run so far: those whose weights are kept.

    Which they are depends on the outcomes alone, not on the order in which they came.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._ranked: list[tuple[float, int]] = []  # loss and index

    def add(self, index: int, outcome: Outcome) -> int | None:
        """Take an outcome in; who has to leave for it: its own index where it is not good enough.

        None where nobody has to.
        """
        if outcome.score is None:
            return index
        self._ranked = sorted([*self._ranked, (loss(outcome), index)])
        return self._ranked.pop()[1] if len(self._ranked) > self._places else None


def let_go(corpus: Corpus, store: ArtifactStore, trial_ids: list[int]) -> Pruned:
    """Keep the weights of these trials no longer: their rows, then the files that are free."""
    with store.alone():
        return store.remove(corpus.let_go(trial_ids))


def prune(corpus: Corpus, store: ArtifactStore) -> Pruned:
    """Remove every file that no row names."""
    with store.alone():
        return store.prune(corpus.artifact_digests())


def weights_of(
    corpus: Corpus, trial_id: int, place: str | None = None, *, network: str | None = None
) -> dict[str, np.ndarray]:
    """The weights that are kept of a trial.

    Args:
        corpus: Where the trial is.
        trial_id: Its number.
        place: The store; None for the corpus's own.
        network: Whose they have to be; None for anyone's.

    Raises:
        UserError: None are kept, they are another network's, or they are not there or damaged.
    """
    kept = corpus.artifacts(trial_id=trial_id)
    if not kept:
        raise UserError(f"no weights are kept of trial {trial_id}; see `lemur2 weights list`")
    if network is not None and kept[0].name != network:
        raise UserError(
            f"trial {trial_id} is of {kept[0].name}, not of {network}; "
            f"`lemur2 weights list {network}` lists what is kept of that"
        )
    digest = kept[0].artifact.digest
    return from_bytes(corpus.artifact_store(place).get(digest), f"the artifact {digest[:12]}")


def surplus(kept: Sequence[Kept], best: int | None, most: int | None) -> list[int]:
    """Trials whose weights are to go.

    Args:
        kept: Everything that is kept.
        best: Of each network (and data set and metric), so many best trials may stay.
        most: The files' size in bytes that may stay; the oldest go first.
    """
    gone: set[int] = set()
    groups: dict[tuple[str, str, str], list[Kept]] = {}
    for each in kept:
        groups.setdefault((each.name, each.dataset, each.metric), []).append(each)
    for group in groups.values():
        ranked = sorted(group, key=lambda each: (loss_of(each.score, each.metric), each.trial_id))
        gone.update(each.trial_id for each in ranked[best or len(ranked) :])
    staying = [each for each in kept if each.trial_id not in gone]
    size = sum(each.artifact.size for each in staying)
    for each in staying:
        if most is None or size <= most:
            break
        gone.add(each.trial_id)
        size -= each.artifact.size
    return sorted(gone)
