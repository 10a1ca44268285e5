"""`lemur2 show`: one network."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import db_option, json_option
from lemur2.cli.output import console, emit_json, emit_text, table, when
from lemur2.cli.text import printable
from lemur2.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from lemur2.architecture.facts import StaticFacts
    from lemur2.corpus import StoredArchitecture, Trial

_TRIAL_COLUMNS = ("trial", "dataset", "transform", "epochs", "score", "test", "verdict", "prm")


@click.command()
@click.argument("name")
@click.option("--code", is_flag=True, help="The source text alone, as it was stored.")
@json_option
@db_option
def show(name: str, code: bool, as_json: bool, db: str | None) -> None:
    """One network: its source, what that tells, what screening measured, lineage and trials.

    \b
    lemur2 show ResNet18
    lemur2 show ResNet18 --code > net.py
    """
    from lemur2.corpus import Corpus

    with Corpus.open(db, read_only=True) as corpus:
        found = corpus.architecture(name)
        if found is None:
            raise UserError(f"the corpus has no network {name}; `lemur2 data` lists what it has")
        children, trials = corpus.children(name), corpus.trials(architecture=name)
    if code:
        emit_text(found.source)
    elif as_json:
        emit_json(_as_json(found, children, trials))
    else:
        _print(console(), found, children, trials)


def _static(source: str) -> StaticFacts | None:
    """What the source tells; None where it does not parse."""
    from lemur2.architecture import Refusal
    from lemur2.architecture.facts import static_facts

    try:
        return static_facts(source)
    except Refusal:
        return None


def _as_json(found: StoredArchitecture, children: list[str], trials: list[Trial]) -> dict[str, Any]:
    values, static = asdict(found), _static(found.source)
    return {
        "nn": values.pop("name"),
        **values,
        "static": None if static is None else static.to_json(),
        "children": children,
        "trials": [asdict(trial) for trial in trials],
    }


def _print(
    out: Console, found: StoredArchitecture, children: list[str], trials: list[Trial]
) -> None:
    from rich.syntax import Syntax

    source = printable(found.source.replace("\r\n", "\n"))
    out.print(Syntax(source, "python", theme="ansi_dark", background_color="default"))
    out.rule(style="dim")
    for label, value in _facts(found, children):
        out.print(f"{label:<17}{printable(value)}", soft_wrap=True)
    if trials:
        rows = [_trial_row(trial) for trial in trials]
        out.print()
        out.print(table(_TRIAL_COLUMNS, rows, right=("trial", "epochs", "score", "test")))


def _facts(found: StoredArchitecture, children: list[str]) -> list[tuple[str, str]]:
    declared = found.hyperparameters
    lines = [
        ("name", found.name),
        ("family", found.family or "-"),
        ("digest", found.digest),
        ("stored", when(found.created)),
        ("hyperparameters", "-" if declared is None else ", ".join(declared)),
    ]
    if found.imported:
        lines.append(("provenance", "imported"))
    if found.flagged is not None:
        lines.append(("flagged", found.flagged))
    if static := _static(found.source):
        layers = ", ".join(f"{count} {name}" for name, count in static.layers.items())
        lines += [
            ("layers", layers or "-"),
            ("depth, about", f"{static.depth} layers with weights"),
            ("has", ", ".join(static.flags) or "-"),
            ("code", f"{static.lines} lines, {static.characters:,} characters"),
        ]
    if facts := found.facts:
        flops = "-" if facts.flops is None else f"{facts.flops:,}"
        lines += [
            ("input", f"{facts.input_size} and up; measured at {facts.sample_shape}"),
            ("parameters", f"{facts.parameters:,}"),
            ("flops", flops),
            ("peak memory", f"{facts.memory / 2**20:,.0f} MiB"),
            ("screened in", f"{facts.seconds:.2f} s"),
            ("structure", facts.structure_digest),
        ]
        lines += [("note", note) for note in facts.notes]
    if found.parents:
        lines.append(("made from", ", ".join(found.parents)))
    if children:
        lines.append(("parent of", ", ".join(children)))
    return lines


def _trial_row(trial: Trial) -> tuple[object, ...]:
    result = trial.result
    verdict = f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
    return (
        trial.id,
        result.dataset,
        result.transform,
        len(result.epochs),
        result.score,
        result.test_score,
        verdict,
        result.hyperparameters,
    )
