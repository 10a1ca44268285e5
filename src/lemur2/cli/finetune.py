"""`lemur2 finetune`: an adapter that writes networks like the corpus's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur2.cli.options import POSITIVE, db_option, json_option
from lemur2.cli.output import emit_json
from lemur2.cli.progress import StatusLine

if TYPE_CHECKING:
    from lemur2.finetuning.run import Chosen
    from lemur2.finetuning.train import Step

_COUNT = click.IntRange(min=1)


@click.command()
@click.option(
    "--model", required=True, help="embedded, a GGUF file, a folder, or a name on the hub."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder that `lemur2 curate` wrote; its part train/ is learnt.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The adapter's folder; the same command goes on with it.",
)
@click.option("--examples", type=_COUNT, help="At most so many networks. [all]")
@click.option(
    "--balanced",
    is_flag=True,
    help="Families in turn, where there are more networks; else as often as they are.",
)
@click.option(
    "--longest", type=_COUNT, default=800, show_default=True, help="Tokens of a network at most."
)
@click.option(
    "--largest-input",
    type=_COUNT,
    default=32,
    show_default=True,
    help="Only networks that screening found to work at so many pixels or fewer.",
)
@click.option("--rank", type=_COUNT, default=32, show_default=True, help="Of the LoRA adapter.")
@click.option("--alpha", type=_COUNT, default=32, show_default=True, help="Its scale times rank.")
@click.option(
    "--learning-rate", type=POSITIVE, default=1e-3, show_default=True, help="At its highest."
)
@click.option("--warmup", type=_COUNT, default=10, show_default=True, help="Steps until then.")
@click.option("--batch", type=_COUNT, default=4, show_default=True, help="Examples at once.")
@click.option(
    "--accumulate", type=_COUNT, default=1, show_default=True, help="Batches that make a step."
)
@click.option("--epochs", type=_COUNT, default=1, show_default=True, help="Times through the data.")
@click.option(
    "--save-every", type=_COUNT, default=10, show_default=True, help="Steps between checkpoints."
)
@click.option(
    "--bfloat16/--float32",
    default=None,
    help="What to compute in. [bfloat16 where the device is faster so]",
)
@click.option("--four-bit", is_flag=True, help="Hold the model in 4 bits (CUDA, bitsandbytes).")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=_COUNT, default=1, show_default=True, help="Of the CPU.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the adapter's weights, the order, and the data sets in prompts.",
)
@json_option
@db_option
def finetune(
    model: str, data: Path, out: Path, as_json: bool, db: str | None, **settings: object
) -> None:
    """Train a LoRA adapter for a language model on networks of the corpus.

    The model learns to answer a prompt (input, classes, data set, accuracy) with the network that
    has them. Only the network's text counts for the loss. Checkpoints are written as it goes: a
    training that was killed goes on from the last one when the same command is given again, to
    the same end. On several GPUs start it with `accelerate launch -m lemur2 finetune ...`.

    Networks are taken that `lemur2 screen` found to work at the input; so screen the corpus,
    curate a training set, train, and look at what it is worth with `lemur2 finetune-eval`.

    \b
    lemur2 finetune --model embedded --data networks --out tuned --examples 300
    lemur2 finetune --model deepseek-ai/deepseek-coder-6.7b-instruct --data networks --out tuned \\
        --device cuda --four-bit --longest 2500 --epochs 2
    """
    from lemur2.corpus import Corpus
    from lemur2.finetuning import Tuning
    from lemur2.finetuning.extra import check_installed
    from lemur2.llm.choosing import weights_of

    check_installed()
    show = _Progress(as_json)
    try:
        show.status.show("looking for the model")
        tuning = Tuning(model=weights_of(model), **settings)  # type: ignore[arg-type]
        from lemur2.finetuning.run import finetune as train

        show.status.show("choosing networks")
        with Corpus.open(db, read_only=True) as corpus:
            train(tuning, data, corpus, out, on_chosen=show.chosen, on_step=show.step)
    finally:
        show.status.clear()
    if not as_json:
        click.echo(f"the adapter is in {out}; compare with `lemur2 finetune-eval --adapter {out}`")


class _Progress:
    """Tells what is trained on and how it goes."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.status = StatusLine()

    def chosen(self, chosen: Chosen) -> None:
        if self.as_json:
            emit_json(asdict(chosen))
            return
        self.status.clear()
        families = ", ".join(f"{name} {count}" for name, count in chosen.families.items())
        click.echo(f"{chosen.examples:,} networks, {chosen.tokens:,} tokens: {families}")
        self.status.show("loading the model")

    def step(self, step: Step) -> None:
        if self.as_json:
            emit_json(asdict(step))
            return
        each = step.seconds / max(1, step.step)
        left = each * (step.steps - step.step) / 60
        self.status.show(
            f"step {step.step} of {step.steps}, loss {step.loss:.3f}, about {left:.0f} min left"
        )
