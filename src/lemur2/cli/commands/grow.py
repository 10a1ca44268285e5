"""`lemur2 grow` and `lemur2 resume`: the whole loop, and going on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from lemur2.cli.config import build_config, config_options
from lemur2.cli.options import (
    COUNT,
    POSITIVE,
    RUN,
    KeepFlags,
    LimitFlags,
    ProtocolFlags,
    db_option,
    download_option,
    json_option,
    keep_options,
    limit_options,
    protocol_options,
    refuse,
    wide_option,
)
from lemur2.cli.output import say
from lemur2.errors import UsageError

if TYPE_CHECKING:
    from lemur2.corpus import Corpus, Run
    from lemur2.evaluation.engines import Engine
    from lemur2.evaluation.plan import Plan
    from lemur2.loop import Generator, Settings
    from lemur2.loop.keeping import Keeping


class GeneratorGroup(click.Group):
    """One command per registered generator: its own options, then those that all share."""

    def __init__(self, make: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.make = make

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the registered generators."""
        from lemur2.generators import generator_names

        return list(generator_names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of a generator. Raises UsageError where there is none."""
        from lemur2.generators import generator_class

        kind = generator_class(cmd_name)
        command: click.Command = self.make(kind)
        command.params[:0] = config_options(kind.Config)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the generators; of those that cannot be loaded, a warning says why."""
        from lemur2.generators import generator_classes

        with formatter.section("Commands"):
            formatter.write_dl([(n, kind.about) for n, kind in generator_classes().items()])


def _make_grow(kind: type[Generator[Any]]) -> click.Command:
    @click.command(kind.name, help=f"Grow a corpus by {kind.about}.", short_help=kind.about)
    @click.option(
        "-n",
        "total",
        type=COUNT,
        default=20,
        show_default=True,
        help="Candidates to propose.",
    )
    @protocol_options
    @click.option(
        "--max-flops",
        type=POSITIVE,
        metavar="N",
        help="Train only networks of at most N FLOPs a sample; screen and keep the rest.",
    )
    @click.option("--screen-only", is_flag=True, help="Screen and keep, train nothing.")
    @click.option(
        "--workers",
        type=COUNT,
        help="Candidates at once. [as many as there are CPUs]",
    )
    @limit_options
    @keep_options
    @click.option(
        "--window",
        type=COUNT,
        default=16,
        show_default=True,
        help="Candidates that may be outstanding, fixed for the run; at least as many as workers.",
    )
    @click.option(
        "--order",
        type=click.Choice(["asked", "finished"]),
        help="Tell the generator of candidates as they were asked for (the same run however long "
        "each takes) or as they finish. [what the generator prefers]",
    )
    @download_option
    @wide_option
    @json_option
    @db_option
    def command(**values: Any) -> None:
        _start(kind, **values)

    return command


@click.group(cls=GeneratorGroup, make=_make_grow)
def grow() -> None:
    """Grow a corpus: propose, screen, deduplicate, train, record.

    Every candidate is kept with its verdict, whatever became of it. A run that is interrupted or
    killed goes on with `lemur2 resume RUN`, to the result it would have had.

    \b
    lemur2 grow fractal -n 20 --dataset mnist-5k
    lemur2 grow fractal -n 1200 --dataset cifar-10 --preset fractal --seed 1
    lemur2 grow zoo --dataset mnist-5k --max-flops 1e8
    """


def _start(
    kind: type[Generator[Any]],
    *,
    total: int,
    protocol: ProtocolFlags,
    limits: LimitFlags,
    keep: KeepFlags,
    max_flops: float | None,
    screen_only: bool,
    workers: int | None,
    window: int,
    order: Literal["asked", "finished"] | None,
    download: bool,
    as_json: bool,
    db: str | None,
    **config: Any,
) -> None:
    from lemur2.cli.reporting import without_effect
    from lemur2.cli.training import note_without_effect
    from lemur2.corpus import Corpus
    from lemur2.evaluation.plan import Plan
    from lemur2.llm import remember_server
    from lemur2.loop import Settings
    from lemur2.loop.sources import network_source

    _refuse_idle(kind, workers, window, screen_only)
    fixed = protocol.protocol()
    generator = kind(build_config(kind.Config, config), fixed.seed)
    if (model := getattr(generator.config, "llm", None)) is not None:
        remember_server(model)
    plan = Plan.of(fixed, download=download)
    _check_task(generator, plan)
    bounds = limits.limits()
    note_without_effect(fixed, bounds.device)
    settings = Settings(
        total=total,
        window=window,
        max_flops=0 if screen_only else max_flops,
        order=order or generator.order,
    )
    with Corpus.open(db, create=True) as corpus:
        if kind.proposes == "transform":
            network_source(corpus, generator.config.network)
        going = Going(corpus, generator, plan, settings)
        run = going.carry_on(
            None, limits.on(bounds, workers), workers, as_json, keeping=keep.keeping()
        )
        for name, why in without_effect(corpus, run, protocol.hyperparameters).items():
            say(f"lemur2: note: {name} had no effect: {why}", err=True)


def _check_task(generator: Generator[Any], plan: Plan) -> None:
    """Raise UsageError where a generator is told of another task than the data set's."""
    task = getattr(generator.config, "task", plan.task.name)
    if task != plan.task.name:
        raise UsageError(
            f"{plan.protocol.dataset} is data for {plan.task.name}, not for {task}; "
            f"add --task {plan.task.name}, or choose another data set"
        )


def _refuse_idle(
    kind: type[Generator[Any]], workers: int | None, window: int, screen_only: bool
) -> None:
    """Raise UsageError where an option would have no effect."""
    if workers is not None and workers > window:
        raise UsageError(
            f"--workers {workers} needs --window {workers} or more; "
            f"no more than {window} candidates are outstanding at once"
        )
    if screen_only:
        refuse(("max_flops", "epochs", "amp"), "has no meaning with --screen-only")
    if kind.proposes == "transform":
        refuse(("transform",), f"has no meaning: {kind.name} proposes the transforms")


@click.command()
@click.argument("run", type=RUN)
@click.option("--workers", type=COUNT, help="Candidates at once.")
@click.option(
    "--llm",
    metavar="MODEL",
    help="The run's model, to say that its server may have your key; asked for where needed.",
)
@limit_options
@keep_options
@wide_option
@json_option
@db_option
def resume(
    run: int,
    workers: int | None,
    llm: str | None,
    limits: LimitFlags,
    keep: KeepFlags,
    as_json: bool,
    db: str | None,
) -> int:
    """Go on with a run where it stopped.

    RUN is its number, as `lemur2 runs` lists it. What was recorded stays; what was in flight
    when it stopped is evaluated again. The result is what the run would have given undisturbed.

    \b
    lemur2 resume 3
    lemur2 resume 3 --db other.db --workers 4
    """
    from lemur2.cli import training
    from lemur2.cli.commands import screen as screening
    from lemur2.corpus import Corpus
    from lemur2.evaluation import Limits
    from lemur2.loop.keeping import Keeper

    with Corpus.open(db) as corpus:
        stored = corpus.run(run)
        if stored.status == "finished":
            click.echo(f"run {run} is finished: nothing to do", err=as_json)
            return 0
        _settle_server(stored, llm)
        if stored.verb == "train":
            refuse(("workers",), f"has no meaning: run {run} trains one network")
            workers = 1
        screens = stored.verb == "screen"
        engine = limits.on(limits.limits(Limits(**stored.limits), screening=screens), workers)
        if stored.verb == "train":
            keeper = Keeper(corpus, keep.keeping())
            return training.resume(corpus, run, engine, keeper, as_json=as_json)
        if screens:
            return screening.resume(corpus, stored, engine, as_json=as_json)
        _resume_grow(corpus, stored, engine, workers, keep.keeping(), as_json)
        return 0


def _settle_server(run: Run, named: str | None) -> None:
    """Have a run's model server named by the user before it is asked; see `llm.servers`."""
    from lemur2.llm import check_server, remember_server

    model = run.config.get("generator", {}).get("llm")
    if named is not None and named != model:
        raise UsageError(
            f"run {run.id} uses the model {model}, not {named}"
            if model
            else f"run {run.id} uses no model; leave --llm out"
        )
    if named is not None:
        remember_server(named)
    if isinstance(model, str):
        check_server(model, run.id)


def _resume_grow(
    corpus: Corpus,
    stored: Run,
    engine: Engine,
    workers: int | None,
    keeping: Keeping,
    as_json: bool,
) -> None:
    from lemur2.evaluation import Protocol
    from lemur2.evaluation.plan import Plan
    from lemur2.generators import generator_class
    from lemur2.loop import Settings

    kind = generator_class(stored.generator)
    _refuse_idle(kind, workers, stored.config["settings"]["window"], screen_only=False)
    generator = kind(build_config(kind.Config, stored.config["generator"]), stored.seed)
    plan = Plan.of(Protocol(**stored.protocol))
    settings = Settings(**stored.config["settings"])
    going = Going(corpus, generator, plan, settings)
    going.carry_on(stored.id, engine, workers, as_json, keeping=keeping)


class Going:
    """A run of `grow` that is to be started, or to go on.

    Args:
        corpus: Where it is kept.
        generator: A new instance.
        plan, settings: What the run is; see `loop.start_run`.
    """

    def __init__(
        self,
        corpus: Corpus,
        generator: Generator[Any],
        plan: Plan,
        settings: Settings,
    ) -> None:
        self.corpus, self.generator = corpus, generator
        self.plan, self.settings = plan, settings

    def carry_on(
        self,
        run: int | None,
        engine: Engine,
        workers: int | None,
        as_json: bool,
        *,
        keeping: Keeping,
        summarise: bool = True,
    ) -> int:
        """Carry it on to its end, with progress and (`summarise`) its funnel at the end.

        Without a number a new one is opened in the ledger, once the sandbox has started: where
        it cannot, no row is left. Returns the number.

        The engine is entered here. Where nobody asked for so many `workers`, it has no more than
        the run's window gives work to.
        """
        from lemur2.cli.progress import Progress
        from lemur2.cli.reporting import RunReporter
        from lemur2.loop import alone, start_run
        from lemur2.loop import grow as grow_loop

        if workers is None:
            engine.workers = min(engine.workers, self.settings.window)
        made = (self.corpus, self.generator, self.plan)
        done = self.corpus.run(run).done if run else 0
        with (
            alone(*made, self.settings),
            Progress("starting the sandbox") as starting,
            engine,
            RunReporter(
                self.generator.name, as_json=as_json, total=self.settings.total, done=done
            ) as reporter,
        ):
            starting.close()
            number = run or start_run(*made, engine.limits, self.settings)
            if not as_json:
                say(
                    f"run {number}: {self.generator.name} on {self.plan.protocol.dataset}, "
                    f"{engine.workers} workers; `lemur2 resume {number}` goes on if it stops"
                )
            self.generator.say = reporter.busy
            grow_loop(*(self.corpus, number, *made[1:]), engine, reporter, keeping=keeping)
        self._close(number, as_json=as_json, summarise=summarise)
        return number

    def _close(self, run: int, *, as_json: bool, summarise: bool) -> None:
        from lemur2.cli.reporting import say_idle, summary

        if summarise and not as_json:
            summary(self.corpus, run)
            for line in self.generator.notes():
                say(line)
        say_idle(self.corpus, run, as_json=as_json)
