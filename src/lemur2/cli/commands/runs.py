"""`lemur2 runs`: the ledger, what a run's attempts came to, and runs taken out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lemur2.architecture import Verdict
from lemur2.cli.attempts import emit_attempts, print_attempts
from lemur2.cli.options import db_option, json_option, wide_option
from lemur2.cli.output import emit_json, print_table, say, when
from lemur2.cli.progress import duration

if TYPE_CHECKING:
    from lemur2.corpus import Corpus, Run
    from lemur2.corpus.query.results import Result

_COLUMNS = (
    *("run", "verb", "name", "dataset", "done", "best", "status", "took", "started"),
    *("seed", "reason"),
)
_NUMBERS = ("run", "done", "best", "took", "started", "seed")
_FIRST = ("name", "run", "verb", "status", "done", "best", "dataset", "took", "started")


@click.group(invoke_without_command=True)
@wide_option
@json_option
@db_option
@click.pass_context
def runs(ctx: click.Context, as_json: bool, db: str | None) -> None:
    """The ledger: every run, how far it got, how it ended.

    A run whose process was killed is `interrupted`; `lemur2 resume RUN` goes on where it stopped.
    What is `best` is a score on the validation part.

    \b
    lemur2 runs
    lemur2 runs show 3 --verdict build
    lemur2 runs remove 1 2
    lemur2 runs --json | jq 'select(.status == "interrupted").run'
    """
    if ctx.invoked_subcommand is not None:
        ctx.default_map = {each: {"as_json": as_json, "db": db} for each in ("show", "remove")}
        return
    from lemur2.corpus import Corpus
    from lemur2.corpus.query.results import results

    with Corpus.open(db, read_only=True) as corpus:
        found = [(run, corpus.standing(run)) for run in corpus.runs()]
        best = results(corpus)
    if as_json:
        for run, status in found:
            emit_json(_values(run, status, best.get(run.id)))
    elif found:
        rows = (_row(run, status, best.get(run.id)) for run, status in found)
        print_table(_COLUMNS, rows, right=_NUMBERS, first=_FIRST)
    else:
        say("no runs yet; `lemur2 grow` starts one")


@runs.command()
@click.argument("run", type=click.IntRange(min=1))
@click.option(
    "--verdict",
    type=click.Choice([verdict.value for verdict in Verdict]),
    metavar="VERDICT",
    help="Only attempts that ended so.",
)
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many attempts.")
@wide_option
@json_option
@db_option
def show(run: int, verdict: str | None, limit: int | None, as_json: bool, db: str | None) -> None:
    """A run's attempts: verdict, score, reason, seconds.

    \b
    lemur2 runs show 3
    lemur2 runs show 3 --verdict diverged --json
    """
    from lemur2.corpus import Corpus
    from lemur2.corpus.query.attempted import attempted
    from lemur2.corpus.query.results import results

    wanted = None if verdict is None else [Verdict(verdict)]
    with Corpus.open(db, read_only=True) as corpus:
        stored = corpus.run(run)
        found = attempted(corpus, run=run, verdicts=wanted, limit=limit)
        if as_json:
            emit_attempts(found)
            return
        result = results(corpus, run).get(run)
        _head(stored, corpus.standing(stored), result)
        if found:
            print_attempts(found, ("name", "verdict", "score", "seconds", "reason"))
        else:
            say(f"nothing in run {run} ended in `{verdict}`" if verdict else "no attempts yet")
        for line in _skipped(corpus, run):
            say(line)


def _skipped(corpus: Corpus, run: int) -> list[str]:
    return [
        f"{number} {rule}: skipped as duplicates"
        for rules in corpus.skipped(run).values()
        for rule, number in rules.most_common()
    ]


@runs.command()
@click.argument("numbers", type=click.IntRange(min=1), nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@db_option
def remove(numbers: tuple[int, ...], yes: bool, as_json: bool, db: str | None) -> int:
    """Delete runs with their attempts and trials.

    Networks go as well that no other run, trial or network refers to; imported ones stay. A run
    that a process works on is not removed, nor one that an unfinished run began on.

    \b
    lemur2 runs remove 3
    lemur2 runs remove 1 2 --yes
    """
    from lemur2.corpus import Corpus

    with Corpus.open(db) as corpus:
        for number in numbers:
            corpus.run(number)  # raises where there is none, before anything is asked
        listed = ", ".join(map(str, numbers))
        if not (yes or click.confirm(f"remove {_runs(len(numbers))} {listed} for good?", err=True)):
            say("nothing was removed", err=True)
            return 1
        kept = sum(len(corpus.artifacts(run_id=number)) for number in numbers)
        removed = corpus.remove_runs(numbers)
    if as_json:
        emit_json(asdict(removed))
    else:
        say(
            f"removed {removed.runs} {_runs(removed.runs)}: {removed.attempts} attempts, "
            f"{removed.trials} trials, {removed.networks} networks"
        )
        if kept:
            say(f"`lemur2 weights prune` removes the files of {kept} trained networks")
    return 0


def _runs(number: int) -> str:
    return "run" if number == 1 else "runs"


def _values(run: Run, status: str, result: Result | None) -> dict[str, Any]:
    """A run for `--json`."""
    values = asdict(run)
    del values["state"]  # the generator's own, and long
    config = {key: value for key, value in values.pop("config").items() if key != "pool"}
    return {
        "run": values.pop("id"),
        **values,
        "status": status,
        "config": config,
        "name": _subject(run),
        "score": _best(result),
        "verdict": _verdict(run, result),
        "seconds": run.updated - run.created,
    }


def _row(run: Run, status: str, result: Result | None) -> tuple[object, ...]:
    verdict = _verdict(run, result)
    shown = verdict if status in ("finished", "failed") and verdict else status
    return (
        run.id,
        run.verb,
        _subject(run),
        run.protocol.get("dataset"),
        f"{run.done}/{run.total or '?'}",
        _best(result),
        shown if shown != "ok" else "finished",
        duration(max(0.0, run.updated - run.created)),
        when(run.created),
        run.seed,
        run.reason or None,
    )


def _subject(run: Run) -> str:
    """What a run is of: a network's name, else a generator's."""
    return str(run.config.get("network") or run.generator)


def _verdict(run: Run, result: Result | None) -> str | None:
    """What came of a run of `train`; None for others, which have a verdict for each attempt."""
    if run.verb != "train":
        return None
    refused = run.state.get("verdict") if isinstance(run.state, Mapping) else None
    return refused or (result.verdict.value if result and result.verdict else None)


def _best(result: Result | None) -> float | None:
    """The best score of a run's trials."""
    from lemur2.metrics import higher_is_better

    if result is None:
        return None
    return result.highest if higher_is_better(result.metric) else result.lowest


def _head(run: Run, status: str, result: Result | None) -> None:
    score = _best(result)
    best = f", best {result.metric} {score:.4f}" if result and score is not None else ""
    place = run.protocol.get("dataset")
    say(
        f"run {run.id}: {run.verb} {_subject(run)}{f' on {place}' if place else ''}, {status}, "
        f"{run.done} of {run.total or '?'} done{best}"
    )
    if run.reason:
        say(f"it failed: {run.reason}")
