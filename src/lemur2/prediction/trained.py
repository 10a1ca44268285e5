"""A trained network of a corpus: its source, its weights, and what it was trained under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lemur2.corpus import Corpus
from lemur2.corpus.rows.artifacts import Kept
from lemur2.datasets import recorded_name
from lemur2.errors import UserError
from lemur2.evaluation.jobs import Judge, Weights
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.weights import plan_from_text
from lemur2.loop.keeping import weights_of
from lemur2.metrics import loss
from lemur2.suggestions import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network with weights that are kept.

    Attributes:
        kept: Which trial and epoch they are of.
        source: The network's file.
        plan: What it was trained under: data, transform, hyperparameters, seed.
        weights: Parameters and buffers by name.
    """

    kept: Kept
    source: str
    plan: Plan
    weights: Weights

    @property
    def judge(self) -> Judge:
        """The job that predicts with it."""
        return Judge(source=self.source, plan=self.plan, weights=self.weights)


def trained(
    corpus: Corpus,
    name: str,
    *,
    trial: int | None = None,
    dataset: str | None = None,
    place: str | None = None,
) -> Trained:
    """A network of a corpus with its weights.

    Args:
        corpus: Where it is.
        name: Its name.
        trial: Whose weights; by default those of the best score.
        dataset: Only of trainings on this data set. Needed where weights of trainings on several
            are kept, since their scores do not compare.
        place: The artifact store; None for the corpus's own.

    Raises:
        UserError: There is no such network, no weights of it are kept, it is not said which, or
            the file is not there or damaged.
    """
    kept = _chosen(corpus, name, trial, dataset)
    source = corpus.source(name)
    assert source is not None, "a trial has a network"
    return Trained(
        kept=kept,
        source=source,
        plan=plan_from_text(kept.artifact.plan),
        weights=weights_of(corpus, kept.trial_id, place),
    )


def find_kept(corpus: Corpus, network: str, dataset: str | None = None) -> Kept:
    """What is kept of a network by its name, or of a trial by its number. Raises UserError."""
    if network.isdecimal() and corpus.architecture(network) is None:
        found = corpus.artifacts(trial_id=int(network))
        if not found:
            raise UserError(f"no weights are kept of trial {network}; see `lemur2 weights list`")
        return found[0]
    return _chosen(corpus, network, None, dataset)


def _chosen(corpus: Corpus, name: str, trial: int | None, dataset: str | None) -> Kept:
    if corpus.architecture(name) is None:
        hint = did_you_mean(name, corpus.names(), "`lemur2 weights list` lists what can predict")
        raise UserError(f"the corpus has no network {name}; {hint}")
    found = corpus.artifacts(name=name)
    if trial is not None:
        found = [each for each in found if each.trial_id == trial]
    if dataset is not None:
        found = [each for each in found if each.dataset == recorded_name(dataset)]
    if not found:
        which = f" of trial {trial}" if trial is not None else ""
        data = f" on {dataset}" if dataset else ""
        raise UserError(
            f"no weights of {name}{which}{data} are kept; `lemur2 train {name} --dataset D` trains "
            "it and keeps them"
        )
    _check_one_kind(name, found)
    return min(found, key=lambda each: (loss(each.score, each.metric), each.trial_id))


def _check_one_kind(name: str, found: Sequence[Kept]) -> None:
    kinds = sorted({(each.dataset, each.metric) for each in found})
    if len(kinds) > 1:
        shown = ", ".join(f"{dataset} by {metric}" for dataset, metric in kinds)
        raise UserError(
            f"weights of {name} are kept of trainings that do not compare ({shown}); say which "
            "with --dataset, or --trial"
        )
