"""How a training is shown while it goes and when it ended: rows for people, JSON for scripts."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import click

from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress
from lemur2.cli.text import printable
from lemur2.loop.training import Training, Watcher

if TYPE_CHECKING:
    from lemur2.architecture import Refusal
    from lemur2.corpus import Corpus, Epoch, Facts, TrialResult
    from lemur2.evaluation import Protocol
    from lemur2.evaluation.engines import Engine
    from lemur2.evaluation.plan import Plan
    from lemur2.loop.keeping import Keeper


class Report(Watcher):
    """Shows a training, with a status line meanwhile. `ended` and `refused` give the exit code.

    A context manager: the status line ends with the block.
    """

    verbose = False  # show what the network prints, on stderr

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.progress = Progress()
        self._what = "epoch"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.close()

    def starting(self, name: str) -> None:
        """The sandbox is about to start, which takes seconds."""
        self.progress.show(f"{name}: starting the sandbox")

    def screened(self, name: str, facts: Facts) -> None:
        """Training begins."""
        self._shown(0)

    def trial(self, number: int, total: int, hyperparameters: Mapping[str, Any]) -> None:
        """From here on, epochs are of this trial."""
        self._what = f"trial {number} of {total}, epoch"
        self._shown(0)

    def epoch(self, epoch: Epoch) -> None:
        """One more is done."""
        self._shown(epoch.epoch, f"{self.plan.metric} {epoch.score:.4f}")

    def began(self, fitting: int, others: Sequence[str]) -> None:
        """A line on stderr: what the network begins with."""
        self.progress.clear()
        more = f"; left out: {', '.join(others[:5])}" if others else ""
        more += f" and {len(others) - 5} more" if len(others) > 5 else ""
        say(f"lemur2: note: begins with {fitting} given weights{more}", err=True)

    def testing(self, hyperparameters: Mapping[str, Any]) -> None:
        """From here on, epochs are of no trial of the search."""
        self._what = "the best again, epoch"
        self._shown(0)

    def _shown(self, done: int, note: str = "") -> None:
        self.progress.show(self._what, done, self.plan.protocol.epochs, note)

    def printed(self, text: str) -> None:
        """The network's own words, made safe for a terminal."""
        if self.verbose:
            click.echo(printable(text), nl=False, err=True)

    @abstractmethod
    def ended(self, training: Training) -> int:
        """Show the end of it."""

    @abstractmethod
    def refused(self, refusal: Refusal) -> int:
        """Show that what was given is no network."""

    def values(self, epoch: Epoch) -> dict[str, Any]:
        """An epoch for `--json`."""
        return {
            "epoch": epoch.epoch,
            "score": epoch.score,
            **perplexity(self.plan.metric, epoch.score),
            "loss": epoch.loss,
            "seconds": epoch.seconds,
            "memory": epoch.memory,
        }


def perplexity(metric: str, score: float | None) -> dict[str, float]:
    """The perplexity that a score of the metric `ppl` stands for; nothing for any other."""
    from lemur2.metrics.perplexity import score_to_perplexity

    if metric != "ppl" or score is None or math.isnan(score):
        return {}
    return {"perplexity": score_to_perplexity(score)}


class JsonReport(Report):
    """A line per epoch, then one with the verdict."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.number: dict[str, int] = {}

    def trial(self, number: int, total: int, hyperparameters: Mapping[str, Any]) -> None:
        """From here on, epochs are of this trial."""
        super().trial(number, total, hyperparameters)
        self.number = {"trial": number}

    def epoch(self, epoch: Epoch) -> None:
        """A line."""
        emit_json({**self.number, **self.values(epoch)})
        super().epoch(epoch)

    def trial_ended(self, number: int, result: TrialResult) -> None:
        """A line."""
        emit_json({"trial": number, **_result(self.plan, result)})

    def testing(self, hyperparameters: Mapping[str, Any]) -> None:
        """From here on, epochs are of no trial of the search."""
        super().testing(hyperparameters)
        self.number = {}

    def ended(self, training: Training) -> int:
        """The last line."""
        self.progress.close()  # what is left to do is to put the sandbox away
        result = training.result
        emit_json(
            {
                "name": training.name,
                "verdict": training.verdict,
                "reason": training.reason,
                "score": None,
                "test_score": None,
                **(_result(self.plan, result) if result else {}),
                "dataset": self.plan.protocol.dataset,
                "metric": self.plan.metric,
                "parameters": training.facts.parameters if training.facts else None,
                "seconds": training.seconds,
                "run": training.run,
            }
        )
        return int(training.verdict != "ok")

    def refused(self, refusal: Refusal) -> int:
        """The only line."""
        emit_json({"name": None, "verdict": refusal.verdict, "reason": str(refusal), "score": None})
        return 1


def _result(plan: Plan, result: TrialResult) -> dict[str, Any]:
    score = result.score if result.verdict == "ok" else None
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        "score": score,
        **perplexity(plan.metric, score),
        "test_score": result.test_score,
        "transform": result.transform,
        "prm": result.hyperparameters,
    }


class TextReport(Report):
    """A row per epoch, then a line."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.best: float | None = None

    def screened(self, name: str, facts: Facts) -> None:
        """The network, and the head of the table."""
        spec = self.plan.spec
        self._say(
            f"{name}: {facts.parameters:,} parameters; {self.plan.protocol.dataset}, "
            f"{spec.sizes['train']:,} samples to train on, {spec.sizes['validation']:,} to score"
        )
        extra = f"{'perplexity':>12}" if self.plan.metric == "ppl" else ""
        self._say(
            f"{'epoch':>5}{self.plan.metric:>{self._room}}{extra}{'loss':>10}{'s':>8}{'MiB':>7}"
        )
        super().screened(name, facts)

    @property
    def _room(self) -> int:
        """Columns of a score."""
        return max(10, len(self.plan.metric) + 2)

    def trial(self, number: int, total: int, hyperparameters: Mapping[str, Any]) -> None:
        """A line above its epochs."""
        super().trial(number, total, hyperparameters)
        self._say(f"trial {number} of {total}: {spelled(hyperparameters)}")

    def epoch(self, epoch: Epoch) -> None:
        """A row."""
        shown = perplexity(self.plan.metric, epoch.score)
        extra = f"{shown['perplexity']:>12.2f}" if shown else ""
        loss = f"{'-':>10}" if epoch.loss is None else f"{epoch.loss:>10.4f}"
        self._say(
            f"{epoch.epoch:>5}{epoch.score:>{self._room}.4f}{extra}{loss}"
            f"{epoch.seconds:>8.1f}{epoch.memory / 2**20:>7.0f}"
        )
        super().epoch(epoch)

    def trial_ended(self, number: int, result: TrialResult) -> None:
        """A line below its epochs, where there is more to say than they do."""
        if result.verdict != "ok":
            self._say(f"      {result.verdict}: {result.reason}")
        elif result.reason:
            self._say(f"      {result.reason}")

    def testing(self, hyperparameters: Mapping[str, Any]) -> None:
        """A line."""
        super().testing(hyperparameters)
        self._say(f"the best again, for the test score: {spelled(hyperparameters)}")

    def ended(self, training: Training) -> int:
        """The last line."""
        self.progress.close()  # what is left to do is to put the sandbox away
        result = training.result
        if training.verdict != "ok" or result is None or result.score is None:
            self._say(f"{training.name}: {training.verdict}: {training.reason}")
            return 1
        if result.reason:
            self._say(f"note: {result.reason}")
        test = "" if result.test_score is None else f", test {result.test_score:.4f}"
        self._say(
            f"{training.name}: {self.plan.metric} {result.score:.4f}{test} "
            f"in {training.seconds:.0f} s ({spelled(result.hyperparameters)}); run {training.run}"
        )
        return 0

    def refused(self, refusal: Refusal) -> int:
        """The only line."""
        self._say(f"{refusal.verdict}: {refusal}")
        return 1

    def _say(self, text: str) -> None:
        self.progress.clear()
        say(text, indent="  ")


def resume(corpus: Corpus, run: int, engine: Engine, keeper: Keeper, *, as_json: bool) -> int:
    """Go on with a `train` run and show it; the exit code. See `loop.search.resume_train`.

    The engine is entered here.
    """
    from lemur2.loop.search import resume_train

    reports: list[Report] = []

    def watch(plan: Plan) -> Report:
        reports.append((JsonReport if as_json else TextReport)(plan))
        reports[0].starting(f"run {run}")
        return reports[0]

    try:
        with engine:
            training = resume_train(corpus, run, engine, watch=watch, keeper=keeper)
        return reports[0].ended(training)
    finally:
        for report in reports:
            report.progress.close()


def note_without_effect(protocol: Protocol, device: str, source: str | None = None) -> None:
    """Say on stderr which switches of a training do nothing here.

    Args:
        protocol: What was asked for.
        device: Where it is trained.
        source: Text of the network, where it is one.
    """
    if protocol.amp and device == "cpu":
        say("lemur2: note: --amp has no effect on a CPU", err=True)
    if protocol.checkpointing and source is not None and "checkpointing" not in source:
        say("lemur2: note: --checkpointing has no effect: the network does not offer it", err=True)


def spelled(hyperparameters: Mapping[str, Any]) -> str:
    """Hyperparameters in a line."""
    shown = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in hyperparameters.items()
        if value != ""
    )
    return ", ".join(shown)
