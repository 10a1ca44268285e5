"""`lemur2 import`: an existing corpus into this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import db_option, json_option, wide_option
from lemur2.cli.output import emit_json, print_table, say
from lemur2.cli.progress import Progress

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
@wide_option
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

    with (
        Progress("looking at the source") as progress,
        Source(locate_source(source)) as found,
        Corpus.open(db, create=True) as corpus,
    ):
        summary = import_corpus(corpus, found, progress.show)
    if as_json:
        emit_json(summary.to_json())
    else:
        _print(summary)


def _print(summary: Summary) -> None:
    found: dict[str, Any] = summary.to_json()
    rows = []
    for section, heading in _HEADINGS.items():
        for cause, count in found.get(section, {}).items():
            rows.append((heading, f"{count:,}", cause))
            if section in ("flagged", "refused"):
                examples = summary.examples.get(f"{section}: {cause}", ())[:3]
                rows += [("", "", f"  {example}") for example in examples]
    if rows:
        print_table(("", "count", "what"), rows, right=("count",), first=("what", "count"))
    if not summary.changed:
        say("nothing new: the corpus has all of it")
