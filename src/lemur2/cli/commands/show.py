"""`lemur2 show`: one network."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import db_option, json_option, refuse, wide_option
from lemur2.cli.output import emit_json, emit_text, print_fields, print_table, say, when
from lemur2.errors import UserError
from lemur2.suggestions import did_you_mean

if TYPE_CHECKING:
    from lemur2.architecture.facts import StaticFacts
    from lemur2.corpus import Artifact, StoredArchitecture, Trial, TrialResult
    from lemur2.corpus.rows.artifacts import Kept

_TRIAL_COLUMNS = (
    *("trial", "dataset", "metric", "transform", "epochs", "score", "test", "verdict", "prm"),
)
_NUMBERS = ("trial", "epochs", "score", "test")
_FIRST = ("dataset", "score", "metric", "verdict", "epochs")


@click.command()
@click.argument("name")
@click.option("--code", is_flag=True, help="The source text alone, as it was stored.")
@click.option(
    "--trials", "every_trial", is_flag=True, help="All trials, not the best of each data set."
)
@click.option("--output", is_flag=True, help="What it printed in its last trial, alone.")
@wide_option
@json_option
@db_option
def show(
    name: str, code: bool, every_trial: bool, output: bool, as_json: bool, db: str | None
) -> None:
    """One network: what its source tells, what screening measured, its trials, its lineage.

    Of each data set and metric the best trial is shown; --json has all of them, and the source.

    \b
    lemur2 show ResNet18
    lemur2 show ResNet18 --code > net.py
    """
    if code:
        refuse(("as_json", "every_trial"), "does not go with --code, which prints the source alone")
    elif as_json:
        refuse(("every_trial",), "is for people; --json has all trials")
    from lemur2.corpus import Corpus

    with Corpus.open(db, read_only=True) as corpus:
        found = corpus.architecture(name)
        if found is None:
            hint = did_you_mean(name, corpus.names(), "`lemur2 data` lists what it has")
            raise UserError(f"the corpus has no network {name}; {hint}")
        children, trials = corpus.children(name), corpus.trials(architecture=name)
        kept = corpus.artifacts(name=name)
        last = corpus.printed(trials[-1].id) if trials and output else ""
    if output:
        emit_text(last)
    elif code:
        emit_text(found.source)
    elif as_json:
        emit_json(_as_json(found, children, trials, kept))
    else:
        _print(found, children, trials, every_trial)
        if kept:
            say(
                f"weights of {len(kept)} trainings are kept; `lemur2 predict {name} FILE` uses them"
            )


def _static(source: str) -> StaticFacts | None:
    """What the source tells; None where it does not parse."""
    from lemur2.architecture import Refusal
    from lemur2.architecture.facts import static_facts

    try:
        return static_facts(source)
    except Refusal:
        return None


def _as_json(
    found: StoredArchitecture, children: list[str], trials: list[Trial], kept: list[Kept]
) -> dict[str, Any]:
    values, static = asdict(found), _static(found.source)
    weights = {each.trial_id: each.artifact for each in kept}
    return {
        "name": values.pop("name"),
        **values,
        "static": None if static is None else static.to_json(),
        "children": children,
        "trials": [_trial(trial, weights.get(trial.id)) for trial in trials],
    }


def _trial(trial: Trial, weights: Artifact | None) -> dict[str, Any]:
    values = asdict(trial)
    for name in ("weights", "artifact"):  # what a training brings, and a stored trial has not
        del values["result"][name]
    kept = None if weights is None else {"epoch": weights.epoch, "sha256": weights.digest}
    return {**values, "weights": kept}


def _print(
    found: StoredArchitecture, children: list[str], trials: list[Trial], every_trial: bool
) -> None:
    print_fields(_facts(found))
    click.echo()
    if trials:
        shown = trials if every_trial else _best(trials)
        print_table(_TRIAL_COLUMNS, map(_trial_row, shown), right=_NUMBERS, first=_FIRST)
        if len(shown) < len(trials):
            say(f"the best of each data set; --trials lists all {len(trials):,}")
    else:
        say("no trials yet; `lemur2 train` makes one")
    click.echo()
    print_fields(_lineage(found, children))
    lines = found.source.count("\n") + 1
    say(f"\n--code prints the source ({lines:,} lines)")


def _best(trials: list[Trial]) -> list[Trial]:
    """Of each data set and metric the trial with the best score; a failed one where none has."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.result.dataset, trial.result.metric), []).append(trial)
    return [min(group, key=lambda each: _loss(each.result)) for _, group in sorted(groups.items())]


def _loss(result: TrialResult) -> float:
    """A trial's score as something to be small; infinite where it failed or has none."""
    from lemur2.metrics import loss

    return loss(result.score if result.verdict == "ok" else None, result.metric)


def _lineage(found: StoredArchitecture, children: list[str]) -> list[tuple[str, str]]:
    parts = [("made from", ", ".join(found.parents)), ("parent of", _first(children))]
    return [(label, names) for label, names in parts if names] or [("lineage", "-")]


def _first(names: list[str], count: int = 8) -> str:
    more = f", and {len(names) - count:,} more (--json has all)" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _facts(found: StoredArchitecture) -> list[tuple[str, str]]:
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
    return lines


def _trial_row(trial: Trial) -> tuple[object, ...]:
    result = trial.result
    verdict = f"{result.verdict}: {result.reason}" if result.reason else str(result.verdict)
    return (
        trial.id,
        result.dataset,
        result.metric,
        result.transform,
        len(result.epochs),
        result.score,
        result.test_score,
        verdict,
        result.hyperparameters,
    )
