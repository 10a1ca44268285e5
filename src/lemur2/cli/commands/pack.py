"""`lemur2 pack`: a trained network as a folder that stands alone."""

from __future__ import annotations

from pathlib import Path

import click

from lemur2.cli.options import COUNT, artifacts_option, db_option, json_option
from lemur2.cli.output import emit_json, say


@click.command()
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to make.",
)
@click.option("--trial", type=COUNT, help="Whose weights. [those of the best score]")
@click.option("--dataset", help="Weights of a training on this data set.")
@artifacts_option
@json_option
@db_option
def pack(
    name: str,
    out: Path,
    trial: int | None,
    dataset: str | None,
    artifacts: str | None,
    as_json: bool,
    db: str | None,
) -> None:
    """Write a trained network as a folder that needs no lemur2.

    In it are the network's file, its weights (safetensors), its transform, its classes, a script
    `predict.py` that runs with torch and torchvision alone, and a model card: the layout that
    the Hugging Face Hub takes.

    \b
    lemur2 pack LeNet --out lenet
    lemur2 pack LeNet --trial 12 --out lenet-12
    python lenet/predict.py photo.png
    """
    from lemur2.corpus import Corpus
    from lemur2.prediction.packing import pack as write
    from lemur2.prediction.trained import trained

    with Corpus.open(db, read_only=True) as corpus:
        network = trained(corpus, name, trial=trial, dataset=dataset, place=artifacts)
        write(network, corpus, out)
    if as_json:
        emit_json({"name": name, "trial": network.kept.trial_id, "out": str(out)})
    else:
        say(f"{out}: {name}, trial {network.kept.trial_id}; `python {out}/predict.py PICTURE`")
