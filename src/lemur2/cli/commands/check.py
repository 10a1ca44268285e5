"""`lemur2 check`: screen files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import COUNT, LimitFlags, db_option, json_option, limit_options, refuse
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress
from lemur2.errors import UsageError, UserError

if TYPE_CHECKING:
    from lemur2.corpus import Facts
    from lemur2.loop.checking import Checked, Input
    from lemur2.loop.sources import Found

_TASK, _CHANNELS = "img-classification", 3


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--task",
    help="What the networks are for; tried at its input sizes from the smallest up. "
    "[img-classification]",
)
@click.option("--channels", type=COUNT, help="Channels of the input. [3]")
@click.option("--dataset", help="Screen at this data set's own input, classes and transform.")
@click.option("--workers", type=COUNT, help="Files at a time. [one per CPU]")
@click.option("--save", is_flag=True, help="Store the networks and the verdicts in the corpus.")
@limit_options
@json_option
@db_option
def check(
    files: tuple[str, ...],
    task: str | None,
    channels: int | None,
    dataset: str | None,
    workers: int | None,
    save: bool,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> int:
    """Screen files in the sandbox: a verdict each.

    A FILE is a Python file with a class Net, or a name in the zoo. Screened are the contract,
    import, build, forward, output shape and gradients, at the smallest input that works. Exit
    code 1 where one is not ok.

    \b
    lemur2 check mine.py ResNet18
    lemur2 check nets/*.py --json | jq 'select(.verdict != "ok")'
    """
    if not save:
        refuse(("db",), "goes with --save: nothing is read from a corpus or stored without it")
    from lemur2.corpus import Corpus
    from lemur2.loop.checking import Ledger, check_all

    allowed = limits.limits(screening=True)
    engine = limits.on(allowed, workers)
    at = input_of(task, channels, dataset)
    found, missing = _found(files)
    refused = 0
    with ExitStack() as stack:
        ledger = None
        if save:
            corpus = stack.enter_context(Corpus.open(db, create=True))
            ledger = stack.enter_context(Ledger.open(corpus, at, allowed, len(found)))
        progress = stack.enter_context(Progress())
        progress.show("checking", 0, len(found))
        for done, each in enumerate(check_all(found, at, engine), start=1):
            stored = ledger.add(each) if ledger else None
            refused += each.verdict != "ok"
            progress.clear()
            _print(each, stored, as_json=as_json)
            progress.show("checking", done, len(found))
    for error in missing:
        say(f"lemur2: error: {error}", err=True)
    return int(refused > 0 or bool(missing))


def _found(files: Sequence[str]) -> tuple[list[Found], list[UserError]]:
    """What there is, and why the rest cannot be checked. Raises where nothing is left."""
    from lemur2.loop.sources import find

    found, missing = [], []
    for place in files:
        try:
            found.append(find(place))
        except UserError as error:
            missing.append(error)
    if not found:
        raise missing[0]
    return found, missing


def input_of(task: str | None, channels: int | None, dataset: str | None) -> Input:
    """What to screen at, from the options of these names. Raises UsageError."""
    from lemur2.evaluation import Protocol
    from lemur2.evaluation.plan import Plan
    from lemur2.loop.checking import Input
    from lemur2.tasks import task as task_by_name

    if dataset is None:
        kind = task_by_name(task or _TASK)
        if channels is not None and not kind.transformed:
            raise UsageError(f"--channels is of images; {kind.name} has none")
        return Input(task=kind, channels=channels or _CHANNELS)
    if task is not None or channels is not None:
        raise UsageError("--dataset brings its own task and channels; leave --task, --channels out")
    plan = Plan.of(Protocol(dataset=dataset))
    return Input(task=plan.task, plan=plan)


def _print(checked: Checked, stored: str | None, *, as_json: bool) -> None:
    if as_json:
        emit_json({**_values(checked), "stored": stored})
        return
    first, *others = (
        [_finding(checked.facts, checked.seconds)] if checked.facts else checked.complaints
    )
    margin = " " * 10
    say(f"{checked.verdict:<9} {checked.found.label}  {first}", indent=margin)
    for complaint in others:
        say(f"{margin}{complaint}", indent=margin)
    for note in checked.notes:
        say(f"{margin}note: {note}", indent=margin)
    if hint := _adoptable(checked):
        say(f"{margin}{hint}", indent=margin)


def _adoptable(checked: Checked) -> str:
    """How an ordinary module becomes a network; "" where the file has none."""
    if checked.network is not None or checked.verdict != "contract":
        return ""
    from lemur2.adoption.constructor import modules_in
    from lemur2.architecture import decode_source
    from lemur2.architecture.syntax import parse_tree

    kinds = modules_in(parse_tree(decode_source(checked.found.data)))
    if not kinds:
        return ""
    return f"or have it written: lemur2 adopt {checked.found.label}:{kinds[-1]}"


def _finding(facts: Facts, seconds: float) -> str:
    flops = "FLOPs unknown" if facts.flops is None else f"{facts.flops / 1e6:,.1f} MFLOPs"
    return (
        f"input {facts.input_size}, {facts.parameters:,} parameters, {flops}, "
        f"{facts.memory / 2**20:,.0f} MiB, {seconds:.2f} s"
    )


def _values(checked: Checked) -> dict[str, Any]:
    facts = asdict(checked.facts) if checked.facts else {}
    measured = ("input_size", "parameters", "flops", "memory", "structure_digest")
    return {
        "file": checked.found.label,
        "verdict": checked.verdict,
        "reason": checked.reason,
        **{name: facts.get(name) for name in measured},
        "seconds": checked.seconds,
        "name": checked.network.architecture.name if checked.network else None,
        "notes": checked.notes,
    }
