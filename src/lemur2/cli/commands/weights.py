"""`lemur2 weights`: the weights that are kept, as a list and as files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.options import (
    COUNT,
    POSITIVE,
    artifacts_option,
    db_option,
    json_option,
    wide_option,
)
from lemur2.cli.output import emit_json, print_table, say

if TYPE_CHECKING:
    from lemur2.corpus.rows.artifacts import Kept

_COLUMNS = ("trial", "name", "dataset", "metric", "score", "epoch", "size", "run", "sha256")


@click.group()
def weights() -> None:
    """Weights of trained networks: what is kept, as files, and what is no longer needed.

    `train`, `champion` and `grow` keep them (`--keep`), in safetensors files beside the corpus,
    named by their content. `lemur2 predict` and `lemur2 pack` use them.

    \b
    lemur2 weights list
    lemur2 weights export LeNet --out lenet.safetensors
    lemur2 weights prune
    """


@weights.command("list")
@click.argument("name", required=False)
@wide_option
@json_option
@db_option
def list_(name: str | None, as_json: bool, db: str | None) -> None:
    """The weights that are kept, of NAME or of all networks, the oldest first.

    \b
    lemur2 weights list
    lemur2 weights list LeNet --json
    """
    from lemur2.corpus import Corpus

    with Corpus.open(db, read_only=True) as corpus:
        found = corpus.artifacts(name=name)
    if as_json:
        for each in found:
            emit_json(_values(each))
    elif found:
        rows = [_row(each) for each in found]
        print_table(_COLUMNS, rows, right=("trial", "score", "epoch", "size", "run"))
    else:
        say("no weights are kept; `lemur2 train NAME --dataset D` keeps a network's")


@weights.command()
@click.argument("network", metavar="NAME|TRIAL")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
@click.option("--dataset", help="Of trainings on this data set.")
@artifacts_option
@db_option
def export(
    network: str, out: Path, dataset: str | None, artifacts: str | None, db: str | None
) -> None:
    """Write the weights of a network as a safetensors file.

    NAME takes those with the best score; a TRIAL's number takes that training's.

    \b
    lemur2 weights export LeNet --out lenet.safetensors
    lemur2 weights export 12 --out twelve.safetensors
    """
    from lemur2.corpus import Corpus
    from lemur2.prediction.trained import find_kept
    from lemur2.prediction.writing import write_file

    with Corpus.open(db, read_only=True) as corpus:
        kept = find_kept(corpus, network, dataset)
        data = corpus.artifact_store(artifacts).get(kept.artifact.digest)
    write_file(out, data)
    say(f"{out}: {kept.name}, trial {kept.trial_id}, {len(data):,} bytes")


@weights.command()
@click.option("--keep", type=COUNT, help="Keep those of the N best trials of each network only.")
@click.option("--budget", type=POSITIVE, metavar="GIB", help="Let the oldest go beyond this size.")
@artifacts_option
@json_option
@db_option
def prune(
    keep: int | None, budget: float | None, artifacts: str | None, as_json: bool, db: str | None
) -> None:
    """Remove files that the corpus does not name: what killed processes and removed runs left.

    With `--keep` or `--budget`, weights are let go first. Trials and scores stay.

    \b
    lemur2 weights prune
    lemur2 weights prune --keep 1 --budget 2
    """
    from lemur2.corpus import Corpus
    from lemur2.loop.keeping import prune as prune_files
    from lemur2.loop.keeping import surplus
    from lemur2.sandbox.limits import GIB

    with Corpus.open(db) as corpus:
        store = corpus.artifact_store(artifacts)
        most = None if budget is None else int(budget * GIB)
        corpus.let_go(surplus(corpus.artifacts(), keep, most))
        pruned = prune_files(corpus, store)
    if as_json:
        emit_json({**asdict(pruned), "place": store.place})
    else:
        say(f"{pruned.files} files removed, {_size(pruned.size)}, from {store.place}")


def _values(each: Kept) -> dict[str, Any]:
    return {
        "trial": each.trial_id,
        "name": each.name,
        "run": each.run_id,
        "task": each.task,
        "dataset": each.dataset,
        "metric": each.metric,
        "score": each.score,
        "epoch": each.artifact.epoch,
        "size": each.artifact.size,
        "sha256": each.artifact.digest,
    }


def _row(each: Kept) -> tuple[object, ...]:
    values = {**_values(each), "size": _size(each.artifact.size)}
    values["score"] = "-" if each.score is None else f"{each.score:.4f}"
    values["sha256"] = each.artifact.digest[:12]
    return tuple(values[name] if values[name] is not None else "-" for name in _COLUMNS)


def _size(count: int) -> str:
    if count >= 1 << 20:
        return f"{count / (1 << 20):,.1f} MiB"
    return f"{count / 1024:,.1f} KiB"
