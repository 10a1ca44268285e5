"""`lemur2 train`: one network trained, or its hyperparameters searched."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur2.architecture import Refusal, zoo_names
from lemur2.cli.options import (
    BATCHES,
    COUNT,
    KeepFlags,
    LimitFlags,
    ProtocolFlags,
    db_option,
    download_option,
    json_option,
    keep_options,
    lasting,
    limit_options,
    protocol_options,
    refuse,
)
from lemur2.cli.training import JsonReport, Report, TextReport, note_without_effect
from lemur2.errors import UsageError

if TYPE_CHECKING:
    from lemur2.corpus import Corpus
    from lemur2.evaluation.jobs import Weights
    from lemur2.loop.search import Settings
    from lemur2.loop.sources import Network
    from lemur2.loop.space import Prune


_NAME = re.compile(r"[\w.+-]{1,128}", re.ASCII)


@click.command()
@click.argument("network", metavar="NAME|FILE")
@protocol_options
@download_option
@click.option("--test", is_flag=True, help="Score the test part once, at the end.")
@click.option("--name", help="Store a FILE's network by this name. [its own and its content's md5]")
@click.option(
    "--trials",
    type=COUNT,
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
@click.option("--verbose", "-v", is_flag=True, help="Show what the network prints, on stderr.")
@click.option(
    "--from",
    "from_trial",
    type=COUNT,
    metavar="TRIAL",
    help="Go on from the weights that are kept of a trial (`lemur2 weights list`).",
)
@click.option(
    "--init",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Begin with the weights of a safetensors FILE that fit.",
)
@limit_options
@keep_options
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
    verbose: bool,
    from_trial: int | None,
    init: Path | None,
    limits: LimitFlags,
    keep: KeepFlags,
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
    _check_search(trials, protocol, batch_range, transforms, prune)
    if name is not None:
        _check_name(name, network)
    from lemur2.evaluation import Limits
    from lemur2.evaluation.plan import Plan
    from lemur2.loop import training
    from lemur2.loop.keeping import Keeper
    from lemur2.loop.search import Study
    from lemur2.loop.sources import find
    from lemur2.quiet import cpus

    given = protocol.hyperparameters
    allowed = limits.limits(Limits(threads=cpus()))
    plan = Plan.of(protocol.protocol(), download=download)
    report: Report = (JsonReport if as_json else TextReport)(plan)
    report.verbose = verbose
    with ExitStack() as stack:
        corpus = stack.enter_context(_open(network, db))
        try:
            found = _network(network, name, corpus)
        except Refusal as refusal:
            source = find(network, corpus).data.decode("utf-8-sig", "replace")
            training.refused_unread(corpus, plan, allowed, network, source, refusal)
            return report.refused(refusal)
        training.declared_or_refuse(found.architecture, given)
        note_without_effect(plan.protocol, allowed.device, found.architecture.source)
        engine = limits.on(allowed, 1)
        keeping = keep.keeping()
        trainer = training.Trainer(
            engine,
            found,
            corpus=corpus,
            watcher=report,
            required=given,
            keeper=Keeper(corpus, keeping),
            start=_start(corpus, found.architecture.name, from_trial, init, keeping.place),
        )
        settings = _settings(given, batch_range, transforms, prune)
        study = Study(trainer, plan, settings) if trials else None
        report.starting(found.architecture.name)
        stack.enter_context(report)
        stack.enter_context(engine)
        if study is None or trials is None:
            return report.ended(training.train(trainer, plan, test=test))
        return report.ended(study.search(trials, test=test))


def _check_search(
    trials: int | None,
    protocol: ProtocolFlags,
    batches: tuple[int, int] | None,
    transforms: str | None,
    prune: Prune | None,
) -> None:
    """Raise UsageError where an option of the search would have no effect."""
    if trials is None:
        refuse(("batch_range", "transforms", "prune"), "goes with --trials")
    if batches is not None and "batch" in protocol.hyperparameters:
        raise UsageError("--batch fixes what --batch-range searches; leave one of them out")
    if transforms is not None and protocol.transform is not None:
        raise UsageError("--transform fixes what --transforms searches; leave one of them out")
    if transforms is not None and not _names(transforms):
        raise UsageError(f"--transforms takes names with commas between them, not {transforms!r}")
    if prune is not None and (protocol.protocol().epochs < 2):
        raise UsageError("--prune ends trials between epochs; add --epochs 2 or more")


def _start(
    corpus: Corpus, name: str, trial: int | None, file: Path | None, place: str | None
) -> Weights | None:
    """The weights to begin with; None for none. Raises UserError where they cannot be had."""
    from lemur2.evaluation.weights import from_bytes
    from lemur2.loop.keeping import weights_of

    if trial is not None and file is not None:
        raise UsageError("--from and --init both say which weights to begin with; leave one out")
    if trial is not None:
        return weights_of(corpus, trial, place, network=name)
    return from_bytes(file.read_bytes(), str(file)) if file is not None else None


def _check_name(name: str, network: str) -> None:
    """Raise UsageError where `--name` would have no effect, or is no name."""
    from lemur2.loop.sources import looks_like_file

    if not looks_like_file(network):
        raise UsageError(f"--name is for a FILE; {network} is stored by its own name")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name takes letters, digits, '.', '_', '+' and '-', not {name!r}")


def _check_known(name: str, network: Network, corpus: Corpus) -> None:
    """Raise UsageError where the corpus has the network, by another name."""
    known = corpus.known(network.architecture.digest)
    if known not in (None, name):
        raise UsageError(f"the corpus has this network as {known}; leave --name out")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _settings(
    fixed: dict[str, int | float],
    batches: tuple[int, int] | None,
    transforms: str | None,
    prune: Prune | None,
) -> Settings:
    from lemur2.loop.search import Settings

    return Settings(
        batches=batches or Settings.batches,
        transforms=tuple(map(lasting, _names(transforms or ""))),
        fixed=fixed,
        prune=prune,
    )


def _open(place: str, db: str | None) -> Corpus:
    """The corpus, made where there is none, unless nothing but a corpus can have the network."""
    from lemur2.corpus import Corpus
    from lemur2.corpus.db.database import locate
    from lemur2.loop.sources import find, looks_like_file

    elsewhere = looks_like_file(place) or place in zoo_names()
    url = locate(db)
    new = url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists()
    if elsewhere or new:
        find(place)  # raises where it is not there, before a corpus is made
    return Corpus.open(db, create=elsewhere)


def _network(place: str, name: str | None, corpus: Corpus) -> Network:
    from lemur2.loop.sources import find

    network = find(place, corpus).network()
    if name is None:
        return network
    _check_known(name, network, corpus)
    return network.renamed(name)
