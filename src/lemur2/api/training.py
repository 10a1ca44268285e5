"""`lemur2.check` and `lemur2.train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lemur2.api.shared import Db, entered, opened, planned
from lemur2.errors import UsageError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.jobs import Keep
from lemur2.evaluation.plan import Plan
from lemur2.loop.checking import Checked, Input, check_all
from lemur2.loop.keeping import Keeper, Keeping, weights_of
from lemur2.loop.search import Settings, Study
from lemur2.loop.sources import find
from lemur2.loop.training import Trainer, Training, Watcher
from lemur2.loop.training import train as train_once
from lemur2.tasks import DEFAULT_TASK
from lemur2.tasks import task as task_by_name


def check(
    *files: str | Path,
    task: str | None = None,
    channels: int = 3,
    dataset: str | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    limits: Limits | None = None,
) -> list[Checked]:
    """Screen files in the sandbox; a verdict each, in their order.

    Args:
        files: Python files with a class Net, or names in the zoo.
        task: What they are for, at its own input sizes. [img-classification]
        channels: Of the input.
        dataset: Screen at this data set's input instead.
        workers: Files at once; by default what fits the machine.
        engine: Where to run, entered; one of this machine by default.
        limits: What a worker may use, where no engine is given.

    Raises:
        UsageError: A name is wrong.
        UserError: A file is not there, or networks cannot be isolated here.
    """
    found = [find(str(file)) for file in files]
    if dataset is None:
        at = Input(task=task_by_name(task or DEFAULT_TASK), channels=channels)
    elif task is not None:
        raise UsageError("a data set has its own task; leave `task` out")
    else:
        plan = Plan.of(Protocol(dataset=dataset))
        at = Input(task=plan.task, plan=plan)
    where = engine or LocalEngine(limits, workers=workers)
    return list(check_all(found, at, where))


def train(
    network: str | Path,
    *,
    dataset: str,
    test: bool = False,
    trials: int | None = None,
    fixed: Sequence[str] = (),
    keep: Keep = "best",
    start: int | None = None,
    db: Db = None,
    engine: Engine | None = None,
    limits: Limits | None = None,
    watcher: Watcher | None = None,
    download: bool = False,
    **training: Any,
) -> Training:
    """Train one network, or search its hyperparameters. `lemur2 train` in Python.

        done = lemur2.train("LeNet", dataset="mnist-5k", epochs=3, lr=0.02, test=True)
        done.verdict, done.result.score, done.result.test_score

    Args:
        network: A file, or a name in the corpus or the zoo.
        dataset: Name of the data set.
        test: Score the test part once, at the end.
        trials: Search in so many trials the hyperparameters that are not given.
        fixed: Names of given hyperparameters that are not searched; all given ones by default.
        keep: Which weights to keep.
        start: A trial whose weights to begin with.
        db: The corpus; `$LEMUR2_DB` or `lemur2.db` by default, made where there is none.
        engine: Where to run, entered; one of this machine by default.
        limits: What the worker may use, where no engine is given.
        watcher: Hears how it goes.
        download: Fetch the data set where it is not on disk.
        training: `epochs`, `seed`, `metric`, `transform`, `amp`, `checkpointing`; every other
            name is a hyperparameter (`lr`, `batch`, ...).

    Returns:
        What came of it: a bad network raises nothing, the verdict says what is wrong with it.

    Raises:
        UsageError: The call is wrong.
        UserError: It cannot be done.
        Refusal: The file is no network.
    """
    plan = planned(dataset, training, download=download)
    with opened(db, create=True) as corpus, entered(engine, limits=limits) as where:
        found = find(str(network), corpus).network()
        name = found.architecture.name
        trainer = Trainer(
            where,
            found,
            corpus=corpus,
            watcher=watcher,
            required=_given(training),
            keeper=Keeper(corpus, Keeping(what=keep)),
            start=None if start is None else weights_of(corpus, start, network=name),
        )
        if trials is None:
            return train_once(trainer, plan, test=test)
        given = {name: training[name] for name in fixed or _given(training)}
        return Study(trainer, plan, Settings(fixed=given)).search(trials, test=test)


def _given(training: Mapping[str, Any]) -> list[str]:
    """The hyperparameters among what was given."""
    own = {"metric", "transform", "epochs", "seed", "amp", "checkpointing"}
    return [name for name in training if name not in own]
