"""`lemur2.generate`, `lemur2.grow`, `lemur2.resume`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lemur2.api.shared import Db, entered, opened, planned
from lemur2.architecture import Candidate
from lemur2.corpus import Corpus, Outcome, Run
from lemur2.corpus.pool import Pool
from lemur2.datasets import dataset_class
from lemur2.errors import UsageError, UserError
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs import Keep
from lemur2.evaluation.plan import Plan
from lemur2.generators import generator_class
from lemur2.loop import Generator, Settings, alone, start_run
from lemur2.loop import grow as grow_loop
from lemur2.loop.grow import Progress
from lemur2.loop.keeping import TOP, Keeping
from lemur2.loop.ranking import loss
from lemur2.tasks import DEFAULT_TASK

if TYPE_CHECKING:
    import pandas as pd

Generators = str | type[Generator[Any]] | Generator[Any]
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Grown:
    """A run and what became of its candidates, in the order of asking.

    Attributes:
        run: Its number in the corpus.
        outcomes: All of them, failures included.
    """

    run: int
    outcomes: tuple[Outcome, ...]

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)

    @property
    def best(self) -> Outcome | None:
        """The outcome with the best score; None where nothing was trained."""
        scored = [each for each in self.outcomes if each.score is not None]
        return min(scored, key=loss, default=None)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each candidate: name, verdict, score, parameters, seconds, reason."""
        import pandas as pd

        return pd.DataFrame(
            {
                "name": each.name,
                "verdict": each.verdict.value,
                "score": each.score,
                "parameters": each.facts.parameters if each.facts else None,
                "seconds": each.seconds,
                "reason": each.reason,
            }
            for each in self.outcomes
        )

    def __repr__(self) -> str:
        best = self.best
        told = f", best {best.score:.4f} ({best.name})" if best is not None else ""
        return f"<run {self.run}: {len(self)} candidates{told}>"

    def _repr_html_(self) -> str:
        html: str = self.table._repr_html_()  # type: ignore[operator]
        return html


def generate(
    generator: Generators,
    n: int = 20,
    *,
    seed: int = 0,
    dataset: str | None = None,
    db: Db = None,
    engine: Engine | None = None,
    **config: Any,
) -> list[Candidate]:
    """Candidates of a generator, which are not evaluated.

    Args:
        generator: Its name, its class, or an instance (then leave `seed` and `config` out).
        n: How many; fewer come where it has no more.
        seed: Of its choices.
        dataset: Whose scores rank the networks that it builds on.
        db: The corpus that it builds on; none by default.
        engine: Where it runs foreign code, if it does; entered. One of its own by default.
        config: The fields of its `Config`.

    Raises:
        UsageError: There is no such generator, or its config is wrong.
    """
    made = _made(generator, seed, config)
    if engine is not None:
        made.use(engine)
    task = dataset_class(dataset).task if dataset else DEFAULT_TASK
    corpus = opened(db) if db is not None else None
    found: list[Candidate] = []
    try:
        with closing(made):
            made.meet(Pool(corpus, task=task, dataset=dataset))
            while len(found) < n and (batch := made.ask(min(8, n - len(found)))):
                found += batch
    finally:
        if corpus is not None:
            corpus.close()
    return found


def grow(
    generator: Generators,
    n: int = 20,
    *,
    dataset: str,
    db: Db = None,
    workers: int | None = None,
    window: int = Settings.window,
    max_flops: float | None = None,
    order: Literal["asked", "finished"] | None = None,
    keep: Keep = "best",
    keep_top: int = TOP,
    config: Mapping[str, Any] | None = None,
    engine: Engine | None = None,
    limits: Limits | None = None,
    on_progress: OnProgress | None = None,
    download: bool = False,
    **training: Any,
) -> Grown:
    """The whole loop: propose, screen, deduplicate, train, record. `lemur2 grow` in Python.

        grown = lemur2.grow("fractal", 20, dataset="mnist-5k", epochs=2, config={"depths": (2, 3)})
        grown.best.name, grown.best.score
        grown.table

    Args:
        generator: Its name, its class (one that is written in a notebook, too), or an instance.
        n: Candidates to propose.
        dataset: Name of the data set.
        db: The corpus; `$LEMUR2_DB` or `lemur2.db` by default, made where there is none.
        workers: Candidates at once; by default what fits the machine.
        window, max_flops, order: See `lemur2.loop.Settings`.
        keep, keep_top: Which weights to keep; see `lemur2.loop.keeping.Keeping`.
        config: The fields of the generator's `Config`.
        engine: Where to run, entered; one of this machine by default.
        limits: What a worker may use, where no engine is given.
        on_progress: Called after every candidate.
        download: Fetch the data set where it is not on disk.
        training: `epochs`, `seed`, `metric`, `transform`, `amp`, `checkpointing`; every other
            name is a hyperparameter (`lr`, `batch`, ...).

    Returns:
        The run. One that is interrupted goes on with `lemur2.resume(run)`, where the generator is
        known by its name.

    Raises:
        UsageError: The call is wrong.
        UserError: It cannot be done.
    """
    plan = planned(dataset, training, download=download)
    made = _made(generator, plan.protocol.seed, config or {})
    settings = Settings(total=n, window=window, max_flops=max_flops, order=order or made.order)
    keeping = Keeping(what=keep, top=keep_top)
    with opened(db, create=True) as corpus, alone(corpus, made, plan, settings):
        with entered(engine, workers=workers, limits=limits) as where:
            run = start_run(corpus, made, plan, where.limits, settings)
            grow_loop(corpus, run, made, plan, where, on_progress, keeping=keeping)
        return _grown(corpus, run)


def resume(
    run: int,
    *,
    db: Db = None,
    generator: Generators | None = None,
    keep: Keep = "best",
    keep_top: int = TOP,
    engine: Engine | None = None,
    on_progress: OnProgress | None = None,
) -> Grown:
    """Go on with a run of `grow` where it stopped, to the result it would have had.

    Args:
        run: Its number.
        db: The corpus.
        generator: Its class, where no installed package announces it.
        keep, keep_top, engine, on_progress: As in `grow`.

    Raises:
        UserError: There is no such run, or it is none of `grow`.
    """
    with opened(db) as corpus:
        stored = corpus.run(run)
        if stored.verb != "grow":
            raise UserError(f"run {run} is one of `{stored.verb}`, not of `grow`")
        if stored.status != "finished":
            made = _again(stored, generator)
            plan = Plan.of(Protocol(**stored.protocol))
            keeping = Keeping(what=keep, top=keep_top)
            with entered(engine, workers=None, limits=Limits(**stored.limits)) as where:
                grow_loop(corpus, run, made, plan, where, on_progress, keeping=keeping)
        return _grown(corpus, run)


def _again(stored: Run, generator: Generators | None) -> Generator[Any]:
    """A new instance of a run's generator."""
    kind = generator or stored.generator
    if isinstance(kind, Generator):
        raise UsageError("give the generator's class: a run goes on with a new instance")
    config = {name: _frozen(value) for name, value in stored.config["generator"].items()}
    return _made(kind, stored.seed, config)


def _made(generator: Generators, seed: int, config: Mapping[str, Any]) -> Generator[Any]:
    if isinstance(generator, Generator):
        if config:
            raise UsageError("an instance has its config; leave the other one out")
        return generator
    kind = generator_class(generator) if isinstance(generator, str) else generator
    try:
        return kind(kind.Config(**config), seed)
    except TypeError as error:
        raise UsageError(f"the config of {kind.name} is wrong: {error}") from error


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _grown(corpus: Corpus, run: int) -> Grown:
    return Grown(run, tuple(outcome for _, outcome in sorted(corpus.outcomes(run).items())))
