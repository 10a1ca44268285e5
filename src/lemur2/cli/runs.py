"""`lemur2 runs`: the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lemur2.cli.options import db_option, json_option, wide_option
from lemur2.cli.output import emit_json, print_table, say, when

if TYPE_CHECKING:
    from lemur2.corpus import Run

_COLUMNS = ("run", "verb", "generator", "dataset", "seed", "done", "of", "status", "started")
_NUMBERS = ("run", "seed", "done", "of")
_FIRST = ("run", "verb", "status", "done", "of", "generator", "dataset")


@click.command()
@wide_option
@json_option
@db_option
def runs(as_json: bool, db: str | None) -> None:
    """The ledger: every run, how far it got, how it ended.

    A run that is `running` though no process works on it was killed; `lemur2 resume RUN` goes
    on where it stopped.

    \b
    lemur2 runs
    lemur2 runs --json | jq 'select(.status == "running").run'
    """
    from lemur2.corpus import Corpus

    with Corpus.open(db, read_only=True) as corpus:
        found = corpus.runs()
    if as_json:
        for run in found:
            values = asdict(run)
            del values["state"]  # the generator's own, and long
            emit_json({"run": values.pop("id"), **values})
    elif found:
        print_table(_COLUMNS, map(_row, found), right=_NUMBERS, first=_FIRST)
    else:
        say("no runs yet; `lemur2 grow` starts one")


def _row(run: Run) -> tuple[object, ...]:
    return (
        run.id,
        run.verb,
        run.generator,
        run.protocol.get("dataset"),
        run.seed,
        run.done,
        run.total,
        run.status,
        when(run.created),
    )
