"""`lemur2 screen`: screen the networks that a corpus has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import (
    COUNT,
    RUN,
    SEED,
    LimitFlags,
    db_option,
    json_option,
    limit_options,
    refuse,
    wide_option,
)
from lemur2.cli.output import emit_json, print_table, say
from lemur2.cli.progress import Progress
from lemur2.errors import UsageError

if TYPE_CHECKING:
    from lemur2.corpus import Corpus, Outcome, Run
    from lemur2.corpus.query.screens import Share
    from lemur2.evaluation.engines import Engine

_OF_SCREENING = (
    *("limit", "seed", "workers", "timeout", "memory", "threads", "device", "unsafe", "engine"),
)
_SMALL = 20  # families of fewer screened networks share the last row of the table


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--all", "everything", is_flag=True, help="All networks that have no facts yet.")
@click.option("--family", "families", multiple=True, help="Those of this family; may be repeated.")
@click.option("--limit", type=COUNT, help="At most so many.")
@click.option(
    "--seed",
    type=SEED,
    default=0,
    show_default=True,
    help="Of the order, in which the families take turns.",
)
@click.option("--report", type=RUN, metavar="RUN", help="Screen nothing; show what a run found.")
@click.option("--workers", type=COUNT, help="Networks at a time. [one per CPU]")
@limit_options
@wide_option
@json_option
@db_option
def screen(
    names: tuple[str, ...],
    everything: bool,
    families: tuple[str, ...],
    limit: int | None,
    seed: int,
    report: int | None,
    workers: int | None,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> None:
    """Screen networks of a corpus in the sandbox; facts and verdicts are stored.

    Each at the smallest input of its task that it accepts: the task of its trials, else of the
    zoo's folder. The families take turns, so that any part of a run covers all of them. Killed
    or interrupted, it goes on with `lemur2 resume RUN`.

    \b
    lemur2 screen --all
    lemur2 screen --family rag --limit 100 --timeout 20
    lemur2 screen --report 3 --json
    """
    if sum((bool(names), everything or bool(families), report is not None)) != 1:
        raise click.UsageError("give networks by NAME, or --all, or --family, or --report RUN")
    from lemur2.corpus import Corpus
    from lemur2.loop.corpus_screening import select, start

    if report is not None:
        refuse(_OF_SCREENING, "has no meaning with --report, which screens nothing")
        with Corpus.open(db, read_only=True) as corpus:
            _report(corpus, report, as_json=as_json)
        return
    allowed = limits.limits(screening=True)
    with Corpus.open(db) as corpus:
        selection = select(corpus, names=names, families=families, limit=limit, seed=seed)
        _say_foreign(selection.foreign)
        run = start(corpus, selection, allowed, seed)
        _carry_on(corpus, run, limits.on(allowed, workers), as_json=as_json)


def resume(corpus: Corpus, run: Run, engine: Engine, *, as_json: bool) -> int:
    """Go on with a run of `screen`; exit code 0."""
    _carry_on(corpus, run.id, engine, as_json=as_json)
    return 0


def _carry_on(corpus: Corpus, run: int, engine: Engine, *, as_json: bool) -> None:
    """Screen what a run has pending, with progress, and show its funnel at the end."""
    from lemur2.loop.corpus_screening import screen_run

    stored, progress = corpus.run(run), Progress()
    total = stored.total or 0
    counts: Counter[str] = Counter()
    if not as_json:
        say(f"run {run}: {total:,} networks; `lemur2 resume {run}` goes on if it stops")

    def show(done: int, outcome: Outcome) -> None:
        counts[outcome.verdict.value] += 1
        if as_json:
            emit_json(_values(outcome))
        tally = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common(4))
        progress.show("screening", done, total, tally)

    with progress:
        progress.show("screening", stored.done, total)
        screen_run(corpus, run, engine, show)
    if not as_json:
        _report(corpus, run, as_json=False)


def _say_foreign(foreign: Counter[str]) -> None:
    for task, count in sorted(foreign.items()):
        say(f"{count:,} networks are left out: no task {task} is known", err=True)


def _values(outcome: Outcome) -> dict[str, Any]:
    facts = outcome.facts
    return {
        "name": outcome.name,
        "family": outcome.candidate.prefix,
        "task": outcome.candidate.parameters["task"],
        "verdict": outcome.verdict.value,
        "reason": outcome.reason,
        "input_size": facts.input_size if facts else None,
        "parameters": facts.parameters if facts else None,
        "flops": facts.flops if facts else None,
        "seconds": round(outcome.seconds, 3),
    }


def _report(corpus: Corpus, run: int, *, as_json: bool) -> None:
    from lemur2.corpus.query.screens import shares
    from lemur2.loop.corpus_screening import VERB

    stored = corpus.run(run)
    if stored.verb != VERB:
        raise UsageError(f"run {run} is of `lemur2 {stored.verb}`; `lemur2 runs` lists them")
    found = shares(corpus, run)
    if as_json:
        for share in found:
            emit_json({**asdict(share), "verdict": share.verdict.value})
        return
    say(f"\nrun {run}: {stored.done:,} of {stored.total:,} networks screened")
    if found:
        print_table(_FAMILY_COLUMNS, _family_rows(found), right=_FAMILY_COLUMNS[1:4])
        click.echo()
        print_table(_CAUSE_COLUMNS, _cause_rows(found), right=_CAUSE_COLUMNS[1:2])


_FAMILY_COLUMNS = ("family", "screened", "ok", "share", "95% interval", "refused by")
_CAUSE_COLUMNS = ("verdict", "networks", "most often")


def _family_rows(found: Sequence[Share]) -> list[tuple[object, ...]]:
    """A row per family, the small ones together, and one of all."""
    sizes = {share.family: share.n for share in found}
    small = {family for family, n in sizes.items() if n < _SMALL}
    groups: dict[str, Counter[str]] = {}
    rest = f"{len(small)} of fewer than {_SMALL}"
    for share in found:
        label = rest if share.family in small else share.family
        for name in (label, "all"):
            groups.setdefault(name, Counter())[share.verdict.value] += share.count
    names = [name for name in groups if name not in (rest, "all")]
    names += [name for name in (rest, "all") if name in groups]
    return [_family_row(name, groups[name]) for name in names]


def _family_row(name: str, verdicts: Counter[str]) -> tuple[object, ...]:
    from lemur2.corpus import wilson

    n, good = verdicts.total(), verdicts["ok"]
    low, high = wilson(good, n)
    causes = ", ".join(
        f"{count} {cause}" for cause, count in verdicts.most_common() if cause != "ok"
    )
    return (name, n, good, f"{good / n:.1%}", f"{low:.1%} to {high:.1%}", causes)


def _cause_rows(found: Sequence[Share]) -> list[tuple[object, ...]]:
    counts: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for share in found:
        counts[share.verdict.value] += share.count
        reasons.setdefault(share.verdict.value, Counter())[share.reason] += share.count
    return [
        (verdict, count, reasons[verdict].most_common(1)[0][0])
        for verdict, count in counts.most_common()
    ]
