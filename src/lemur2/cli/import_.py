"""`lemur2 import`: an existing corpus into this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import db_option, json_option
from lemur2.cli.output import console, emit_json
from lemur2.cli.progress import StatusLine
from lemur2.cli.text import printable

if TYPE_CHECKING:
    from lemur2.corpus.importing import Summary

_HEADINGS = {
    "read": "read",
    "new": "stored",
    "unchanged": "already there",
    "fixed": "fixed",
    "flagged": "flagged",
    "refused": "refused",
    "noted": "noted",
}


@click.command("import")
@click.argument("source")
@json_option
@db_option
def import_(source: str, as_json: bool, db: str | None) -> None:
    """Read an existing corpus into this one. None of its code is run.

    SOURCE is a wheel of nn-dataset, what one unpacks to, a checkout of its repository, a folder
    that `lemur2 export` wrote, or the word nn-dataset, which downloads the wheel with pip. Killed
    anywhere, the same command goes on; done again, it adds what is new.

    \b
    lemur2 import nn-dataset
    lemur2 import nn_dataset-2.1.0-py3-none-any.whl --db corpus.db --json
    """
    from lemur2.corpus import Corpus
    from lemur2.corpus.importing import Source, import_corpus, locate_source

    status = StatusLine()

    def show(what: str, done: int, total: int) -> None:
        status.show(f"{what}: {done:,} of {total:,}")

    try:
        status.show("looking at the source")
        with Source(locate_source(source)) as found, Corpus.open(db, create=True) as corpus:
            summary = import_corpus(corpus, found, show)
    finally:
        status.clear()
    if as_json:
        emit_json(summary.to_json())
    else:
        _print(summary)


def _print(summary: Summary) -> None:
    out = console()
    found: dict[str, Any] = summary.to_json()
    for section, heading in _HEADINGS.items():
        for cause, count in found.get(section, {}).items():
            out.print(f"{heading:<14}{count:>9,}  {printable(cause)}", soft_wrap=True)
            if section in ("flagged", "refused"):
                for example in summary.examples.get(f"{section}: {cause}", ())[:3]:
                    out.print(f"{'':<25}{printable(example)}", soft_wrap=True, style="dim")
    if not summary.changed:
        out.print("nothing new: the corpus has all of it")
