"""`lemur2.check_nn`: source text in, accuracy out: what reward functions and scripts call.

Section 6.3 of the paper's supplement names it. The field's function of this name gives a tuple
(name, accuracy, accuracy per time, code quality); this one gives an object that unpacks as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemur2.architecture import Architecture, Refusal, Verdict, content_name
from lemur2.corpus import Corpus
from lemur2.errors import UsageError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.loop.sources import Network
from lemur2.loop.training import Trainer, Training, train
from lemur2.metrics import higher_is_better


@dataclass(frozen=True, kw_only=True)
class CheckedNN:
    """What became of a network. `name, accuracy, accuracy_to_time, quality = checked` works.

    Attributes:
        name: `prefix-md5` of the source, or its name in the corpus where it was known.
        accuracy: The metric on the validation part after the last epoch; None unless `ok`.
        accuracy_to_time: Accuracy per second of training, all epochs; None unless `ok`, and where
            a lower score is the better one, which to divide by time would make no sense.
        code_quality: 1 / (1 + n) for n tolerated deviations from the Net contract: 1.0 where it
            is kept to the letter. None where the source is refused unread. It says nothing of
            style.
        verdict: `ok`, or the stage that refused it.
        reason: Why, with line and remedy where known.
        test_score: On the test part, where it was asked for.
        parameters: Of the built network; None where it was not built.
        seconds: Wall time in all.
        run: Its number in the ledger; None where nothing was stored.
    """

    name: str
    accuracy: float | None
    accuracy_to_time: float | None
    code_quality: float | None
    verdict: Verdict
    reason: str = ""
    test_score: float | None = None
    parameters: int | None = None
    seconds: float = 0.0
    run: int | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.name, self.accuracy, self.accuracy_to_time, self.code_quality))


def check_nn(
    nn_code: str,
    task: str,
    dataset: str,
    metric: str,
    prm: Mapping[str, Any],
    *,
    save_to_db: bool = True,
    prefix: str | None = None,
    seed: int = 0,
    test: bool = False,
    db: str | Path | None = None,
    engine: Engine | None = None,
    limits: Limits | None = None,
    unsafe: bool = False,
) -> CheckedNN:
    """Screen a network, train it under given hyperparameters, score it; all in the sandbox.

    A bad network raises nothing: the verdict says what is wrong with it. Starting the sandbox
    takes seconds, so many calls should share an engine:

        with LocalEngine() as engine:
            for code in codes:
                checked = check_nn(code, ..., engine=engine)

    Args:
        nn_code: The complete file, with a class Net.
        task: Name of the task; it has to be the data set's.
        dataset: Name of the data set.
        metric: Name of the metric.
        prm: `epoch` (how many; 1), `transform` (the data set's default), `lr` (0.01), `batch`
            (64), `momentum` (0.9), `dropout` (0.2), and whatever else the network declares. What
            it does not declare is not passed on.
        save_to_db: Store the network, where screening lets it through, the run and the trial.
        prefix: Family prefix of the name.
        seed: Of weights, order and augmentation: the same seed, the same accuracy.
        test: Score the test part, too.
        db: The corpus; `$LEMUR2_DB` or `lemur2.db` by default, made where there is none.
        engine: Where to run, entered; one of its own by default.
        limits: What the worker may use, where no engine is given.
        unsafe: Run without isolation, where no engine is given.

    Raises:
        UsageError: The call is wrong: an unknown name, a number out of range.
        UserError: It cannot be done: the data or the isolation cannot be had, the database
            cannot be written.
    """
    plan = _plan(task, dataset, metric, prm, seed)
    try:
        architecture = Architecture.parse(nn_code, prefix=prefix or "")
    except Refusal as refusal:
        return CheckedNN(
            name=content_name(prefix or "", nn_code),
            accuracy=None,
            accuracy_to_time=None,
            code_quality=None,
            verdict=refusal.verdict,
            reason=str(refusal),
        )
    with ExitStack() as stack:
        corpus = stack.enter_context(Corpus.open(db, create=True)) if save_to_db else None
        if engine is None:
            engine = stack.enter_context(LocalEngine(limits, workers=1, unsafe=unsafe))
        network = Network(architecture=architecture, family=prefix or "check_nn")
        trainer = Trainer(engine, network, corpus=corpus)
        return _checked(architecture, train(trainer, plan, test=test))


def _plan(task: str, dataset: str, metric: str, prm: Mapping[str, Any], seed: int) -> Plan:
    hyperparameters = {k: v for k, v in prm.items() if k not in ("epoch", "transform")}
    epochs = prm.get("epoch", 1)
    if not isinstance(epochs, int):
        raise UsageError(f"prm['epoch'] must be a whole number, not {epochs!r}")
    protocol = Protocol(
        dataset=dataset,
        metric=metric,
        transform=prm.get("transform"),
        epochs=epochs,
        seed=seed,
    )
    plan = Plan.of(protocol.with_(hyperparameters=hyperparameters))
    if plan.task.name != task:
        raise UsageError(f"data set {dataset} is of the task {plan.task.name}, not {task}")
    return plan


def _checked(architecture: Architecture, training: Training) -> CheckedNN:
    accuracy = per_second = test_score = None
    if training.result is not None and training.verdict is Verdict.OK:
        accuracy, test_score = training.result.score, training.result.test_score
        seconds = sum(epoch.seconds for epoch in training.result.epochs)
        if accuracy is not None and seconds > 0 and higher_is_better(training.result.metric):
            per_second = accuracy / seconds
    facts = training.facts
    deviations = len(architecture.warnings) + (len(facts.notes) if facts else 0)
    return CheckedNN(
        name=training.name,
        accuracy=accuracy,
        accuracy_to_time=per_second,
        code_quality=1 / (1 + deviations),
        verdict=training.verdict,
        reason=training.reason,
        test_score=test_score,
        parameters=facts.parameters if facts else None,
        seconds=training.seconds,
        run=training.run,
    )
