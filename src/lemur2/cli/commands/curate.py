"""`lemur2 curate`: a training set of networks, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemur2.cli.commands.dedupe import prefer_option, threshold_option
from lemur2.cli.options import COUNT, SEED, Whole, db_option, json_option
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress

_SHARE = click.FloatRange(min=0, max=1, max_open=True)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write; a new one, or an empty one.",
)
@click.option("--per-family", type=COUNT, metavar="K", help="At most K of a family.")
@click.option(
    "--min-per-prefix",
    "minimum",
    type=Whole(0, 1_000_000_000),
    default=0,
    show_default=True,
    help="At least so many of every family that has as many, near-duplicates let in if need be.",
)
@click.option(
    "--total",
    type=COUNT,
    help="Top up to so many with what is least like the rest, whatever its family.",
)
@click.option(
    "--validation", type=_SHARE, default=0.1, show_default=True, help="Share for validation."
)
@click.option("--test", type=_SHARE, default=0.1, show_default=True, help="Share for testing.")
@prefer_option
@threshold_option
@click.option(
    "--apart",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Similarity from which two networks stay in one split. [the threshold]",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the split.")
@json_option
@db_option
def curate(
    out: Path,
    per_family: int | None,
    minimum: int,
    total: int | None,
    validation: float,
    test: float,
    prefer: Any,
    threshold: float,
    apart: float | None,
    seed: int,
    as_json: bool,
    db: str | None,
) -> None:
    """Choose networks for training a model on, split them, and write them as files.

    Copies and near-duplicates are left out; where options let some in again, they stay with their
    like in one split. Written are train/, validation/ and test/ with a source file per network, a
    JSON line per network in train.jsonl, ..., and report.md and report.json.

    \b
    lemur2 curate --out networks
    lemur2 curate --out networks --per-family 50 --min-per-prefix 2 --total 2000 --seed 1
    """
    from lemur2.corpus import Corpus
    from lemur2.corpus.curation import Rules, Shares, refuse_filled, write
    from lemur2.corpus.curation import curate as choose_and_split

    rules = Rules(
        per_family=per_family, minimum=minimum, total=total, prefer=prefer, threshold=threshold
    )
    shares = Shares(validation=validation, test=test)
    refuse_filled(out)
    with Corpus.open(db, read_only=True) as corpus, Progress("reading the corpus") as progress:
        made = choose_and_split(
            corpus, rules, shares=shares, apart=apart, seed=seed, progress=progress.show
        )
        progress.show(f"writing {len(made.splits):,} networks")
        write(made, corpus, out)
    if as_json:
        emit_json({"out": str(out), **made.report})
        return
    counts, parts = made.report["counts"], made.report["splits"]
    sizes = ", ".join(f"{part['networks']:,} {split}" for split, part in parts.items())
    say(f"{counts['chosen']:,} of {counts['corpus']:,} networks in {out}: {sizes}")
    say(f"see {out / 'report.md'}")
