"""`lemur2 dedupe`: which networks are redundant, and marks that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import db_option, json_option, refuse, wide_option
from lemur2.cli.output import emit_json, print_table, say
from lemur2.cli.progress import Progress

if TYPE_CHECKING:
    from lemur2.corpus.dedupe import Redundant, Tier

_TIERS: tuple[Tier, ...] = ("whitespace", "canonical", "structure", "near")
_EXACT: tuple[Tier, ...] = ("whitespace", "canonical")  # nothing but the same network
_PREFERENCES = ("accuracy", "oldest", "smallest", "name")
_SHOWN = 10  # groups in the table


class Share(click.FloatRange):
    """A similarity: above 0, at most 1."""

    def __init__(self) -> None:
        super().__init__(min=0, max=1, min_open=True)


threshold_option = click.option(
    "--threshold",
    type=Share(),
    default=0.9,
    show_default=True,
    help="Jaccard similarity from which two networks are near-duplicates.",
)
prefer_option = click.option(
    "--prefer",
    type=click.Choice(_PREFERENCES),
    default="accuracy",
    show_default=True,
    help="Which of a group stands for it; among equals the one stored first.",
)


@click.command()
@click.option(
    "--tier",
    "tiers",
    type=click.Choice(_TIERS),
    multiple=True,
    help="Only this tier; may be repeated. [all; whitespace and canonical with --mark]",
)
@prefer_option
@threshold_option
@click.option("--mark", is_flag=True, help="Mark what was found, and nothing else, in the corpus.")
@click.option("--unmark", is_flag=True, help="Take all marks away; find nothing.")
@wide_option
@json_option
@db_option
def dedupe(
    tiers: tuple[Tier, ...],
    prefer: Any,
    threshold: float,
    mark: bool,
    unmark: bool,
    as_json: bool,
    db: str | None,
) -> None:
    """Find networks that others stand for; nothing is ever deleted.

    Tiers, each applied to what the stricter ones left: whitespace (the same text but for blanks),
    canonical (the same syntax tree), structure (the same operations when screened; dropout and
    training may differ), near (most tokens the same: VGG11 and VGG16 differ in one line). Marked
    are only the first two unless --tier says more; `lemur2 data --unique` leaves them out.

    \b
    lemur2 dedupe
    lemur2 dedupe --tier canonical --prefer oldest --mark
    lemur2 dedupe --json | jq -r 'select(.tier == "near") | [.name, .representative] | @tsv'
    """
    if mark and unmark:
        raise click.UsageError("--mark and --unmark exclude each other")
    tiers = tiers or (_EXACT if mark else _TIERS)
    if unmark:
        refuse(
            ("tiers", "prefer", "threshold"), "has no meaning with --unmark, which finds nothing"
        )
    if "near" not in tiers:
        refuse(("threshold",), "is of the tier near; add --tier near")
    from lemur2.corpus import Corpus
    from lemur2.corpus import dedupe as deduping

    with Corpus.open(db, read_only=not (mark or unmark)) as corpus:
        if unmark:
            _say_unmarked(deduping.unmark(corpus), as_json=as_json)
            return
        with Progress("reading the corpus") as progress:
            entries = deduping.entries(corpus)
            progress.show("comparing networks", 0, len(entries))
            found = deduping.find_redundant(
                entries, tiers=tiers, prefer=prefer, threshold=threshold, progress=progress.show
            )
        if mark:
            deduping.mark(corpus, found)
    if as_json:
        for each in found:
            emit_json(_values(each))
    else:
        _print(found, len(entries), tiers, mark=mark)


def _say_unmarked(count: int, *, as_json: bool) -> None:
    if as_json:
        emit_json({"unmarked": count})
    else:
        click.echo(f"{count:,} marks taken away")


def _values(each: Redundant) -> dict[str, Any]:
    return {
        "name": each.name,
        "representative": each.representative,
        "tier": each.tier,
        "similarity": each.similarity,
    }


def _print(found: Sequence[Redundant], total: int, tiers: Sequence[str], *, mark: bool) -> None:
    counts, left, rows = Counter(each.tier for each in found), total, []
    for tier in [name for name in _TIERS if name in tiers]:
        redundant = counts[tier]
        groups = len({each.representative for each in found if each.tier == tier})
        left -= redundant
        rows.append((tier, redundant, groups, left))
    say(f"{total:,} networks, {len(found):,} of them redundant")
    columns = ("tier", "redundant", "groups", "left")
    print_table(columns, rows, right=columns[1:])
    sizes = Counter(each.representative for each in found)
    if sizes:
        largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
        click.echo()
        print_table(("representative", "stands for"), largest, right=("stands for",))
    if mark:
        say(f"\n{len(found):,} marked; `lemur2 data --unique` leaves them out")
    elif found:
        say("\n--mark marks them, --json lists them")
