"""`lemur2 train`: one network trained, or its hyperparameters searched."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur2.architecture import Refusal, zoo_names
from lemur2.cli.options import (
    BATCHES,
    LimitFlags,
    ProtocolFlags,
    db_option,
    download_option,
    json_option,
    lasting,
    limit_options,
    protocol_options,
)
from lemur2.cli.training import JsonReport, Report, TextReport
from lemur2.errors import UsageError

if TYPE_CHECKING:
    from lemur2.corpus import Corpus
    from lemur2.loop.search import Settings
    from lemur2.loop.sources import Network
    from lemur2.loop.space import Prune


@click.command()
@click.argument("network", metavar="NAME|FILE")
@protocol_options
@download_option
@click.option("--test", is_flag=True, help="Score the test part once, at the end.")
@click.option("--name", help="Store a FILE's network by this name. [its own and its content's md5]")
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    help="Search the hyperparameters that are not given, in so many trials; the same command "
    "with a larger number goes on.",
)
@click.option(
    "--batch-range",
    type=BATCHES,
    metavar="LOW..HIGH",
    help="Batches to search: the powers of two. [16..256]",
)
@click.option("--transforms", metavar="A,B,...", help="Transforms to search.")
@click.option(
    "--prune", type=click.Choice(["median"]), help="End trials early that fall behind the median."
)
@limit_options
@json_option
@db_option
def train(
    network: str,
    protocol: ProtocolFlags,
    download: bool,
    test: bool,
    name: str | None,
    trials: int | None,
    batch_range: tuple[int, int] | None,
    transforms: str | None,
    prune: Prune | None,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> int:
    """Train one network, scored on the validation part after every epoch.

    NAME is a network of the corpus or else of the zoo; FILE is Python with a class Net. Exit
    code 1 where the verdict is not ok.

    \b
    lemur2 train LeNet --dataset mnist-5k --epochs 3
    lemur2 train mine.py --dataset digits --preset fractal --set growth=0.3
    lemur2 train LeNet --dataset digits --trials 20 --test
    """
    searching = (batch_range, transforms, prune)
    if trials is None and any(searching):
        raise UsageError("--batch-range, --transforms and --prune go with --trials")
    from lemur2.evaluation.evaluator import Evaluator
    from lemur2.evaluation.plan import Plan
    from lemur2.evaluation.sandbox import Sandbox
    from lemur2.loop import training
    from lemur2.loop.search import Study
    from lemur2.quiet import cpus

    given = protocol.hyperparameters
    allowed = limits.limits(threads=cpus())
    plan = Plan.of(protocol.protocol(), download=download)
    report: Report = (JsonReport if as_json else TextReport)(plan)
    with ExitStack() as stack:
        corpus = stack.enter_context(_open(network, db))
        try:
            found = _network(network, name, corpus)
        except Refusal as refusal:
            return report.refused(refusal)
        training.declared_or_refuse(found.architecture, given)
        sandbox = Sandbox(allowed, unsafe=limits.unsafe)
        trainer = training.Trainer(
            Evaluator(sandbox), found, corpus=corpus, watcher=report, required=given
        )
        study = Study(trainer, plan, _settings(given, *searching)) if trials else None
        report.starting(found.architecture.name)
        stack.enter_context(sandbox)
        if study is None or trials is None:
            return report.ended(training.train(trainer, plan, test=test))
        return report.ended(study.search(trials, test=test))


def _settings(
    fixed: dict[str, int | float],
    batches: tuple[int, int] | None,
    transforms: str | None,
    prune: Prune | None,
) -> Settings:
    from lemur2.loop.search import Settings

    names = [name.strip() for name in (transforms or "").split(",")]
    return Settings(
        batches=batches or Settings.batches,
        transforms=tuple(lasting(name) for name in names if name),
        fixed=fixed,
        prune=prune,
    )


def _open(place: str, db: str | None) -> Corpus:
    """The corpus, made where there is none, unless nothing but a corpus can have the network."""
    from lemur2.corpus import Corpus
    from lemur2.corpus.database import locate
    from lemur2.loop.sources import find, looks_like_file

    elsewhere = looks_like_file(place) or place in zoo_names()
    url = locate(db)
    if (
        not elsewhere
        and url.get_backend_name() == "sqlite"
        and not Path(str(url.database)).exists()
    ):
        find(place)  # raises, with names that come close
    return Corpus.open(db, create=elsewhere)


def _network(place: str, name: str | None, corpus: Corpus) -> Network:
    from lemur2.loop.sources import find

    network = find(place, corpus).network()
    return network if name is None else network.renamed(name)
