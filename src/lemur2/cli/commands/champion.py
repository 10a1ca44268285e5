"""`lemur2 champion`: the best of a run, trained again and scored on the test part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lemur2.cli.options import (
    COUNT,
    LIMITS,
    RUN,
    SEED,
    KeepFlags,
    LimitFlags,
    db_option,
    json_option,
    keep_options,
    limit_options,
    refuse,
)
from lemur2.cli.output import emit_json, say
from lemur2.errors import UsageError
from lemur2.suggestions import did_you_mean

if TYPE_CHECKING:
    from lemur2.corpus import Corpus, Outcome


@click.command()
@click.argument("run", type=RUN)
@click.option("--epochs", type=COUNT, help="How long to train it. [as in the run]")
@click.option("--seed", type=SEED, help="Of its training. [the run's]")
@click.option(
    "--front",
    "costs",
    metavar="A,B,...",
    help="Instead list what nothing beats in score and in these: parameters, flops, seconds.",
)
@limit_options
@keep_options
@json_option
@db_option
def champion(
    run: int,
    epochs: int | None,
    seed: int | None,
    costs: str | None,
    limits: LimitFlags,
    keep: KeepFlags,
    as_json: bool,
    db: str | None,
) -> int:
    """Train the best network of a run again, and score it on the test part.

    RUN is its number, as `lemur2 runs` lists it. The best is chosen by its score on the validation
    part alone; the test part is scored once, after the last epoch.

    \b
    lemur2 champion 3
    lemur2 champion 3 --epochs 5 --seed 1
    lemur2 champion 3 --front parameters
    """
    if costs is not None:
        refuse(("epochs", "seed", *LIMITS), "has no meaning with --front, which trains nothing")
    from lemur2.corpus import Corpus
    from lemur2.loop.champion import best, front

    with Corpus.open(db) as corpus:
        if corpus.run(run).verb != "grow":
            raise UsageError(f"run {run} is not one of `lemur2 grow`; `lemur2 runs` lists them")
        if costs is None:
            return _crown(corpus, run, best(corpus, run), epochs, seed, limits, keep, as_json)
        names = _costs(costs)
        for outcome in front(corpus, run, names):
            _show(outcome, names, as_json)
        return 0


def _crown(
    corpus: Corpus,
    run: int,
    outcome: Outcome,
    epochs: int | None,
    seed: int | None,
    limits: LimitFlags,
    keep: KeepFlags,
    as_json: bool,
) -> int:
    from lemur2.cli.training import JsonReport, Report, TextReport
    from lemur2.evaluation import Limits, Protocol
    from lemur2.evaluation.plan import Plan
    from lemur2.loop.champion import crown
    from lemur2.loop.keeping import Keeper

    stored = corpus.run(run)
    given = {"epochs": epochs, "seed": seed}
    changes = {name: value for name, value in given.items() if value is not None}
    plan = Plan.of(Protocol(**stored.protocol).with_(**changes))
    report: Report = (JsonReport if as_json else TextReport)(plan)
    with report, limits.on(limits.limits(Limits(**stored.limits)), 1) as engine:
        report.starting(outcome.name)
        return report.ended(
            crown(corpus, outcome, plan, engine, report, Keeper(corpus, keep.keeping()))
        )


def _costs(text: str) -> list[str]:
    from lemur2.loop.champion import COSTS

    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in COSTS]
    if wrong or not names:
        hint = did_you_mean(wrong[0], COSTS, "name one or several") if wrong else "name one"
        raise UsageError(f"--front takes any of {', '.join(COSTS)}, not {text!r}; {hint}")
    return names


def _show(outcome: Outcome, names: list[str], as_json: bool) -> None:
    from lemur2.loop.champion import cost

    found = {name: cost(outcome, name) for name in names}
    if as_json:
        emit_json({"name": outcome.name, "score": outcome.score, **found})
        return
    shown = "  ".join(f"{name} {value:,.6g}" for name, value in found.items() if value is not None)
    say(f"{outcome.name}  {outcome.score:.4f}  {shown}", indent="  ")
