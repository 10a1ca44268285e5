"""`lemur2 finetune`: an adapter that writes networks like the corpus's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur2.cli.options import COUNT, POSITIVE, SEED, check_device, db_option, json_option
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress

if TYPE_CHECKING:
    from lemur2.finetuning.run import Chosen
    from lemur2.finetuning.train import Step


@click.command()
@click.option(
    "--model", required=True, help="embedded, a GGUF file, a folder, or a name on the hub."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Folder that `lemur2 curate` wrote; its part train/ is learnt.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The adapter's folder; the same command goes on with it.",
)
@click.option("--examples", type=COUNT, help="At most so many networks. [all]")
@click.option(
    "--balanced",
    is_flag=True,
    help="Families in turn, where there are more networks; else as often as they are.",
)
@click.option(
    "--longest", type=COUNT, default=800, show_default=True, help="Tokens of a network at most."
)
@click.option(
    "--largest-input",
    type=COUNT,
    default=32,
    show_default=True,
    help="Only networks that screening found to work at so many pixels or fewer.",
)
@click.option("--rank", type=COUNT, default=32, show_default=True, help="Of the LoRA adapter.")
@click.option("--alpha", type=COUNT, default=32, show_default=True, help="Its scale times rank.")
@click.option(
    "--learning-rate", type=POSITIVE, default=1e-3, show_default=True, help="At its highest."
)
@click.option("--warmup", type=COUNT, default=10, show_default=True, help="Steps until then.")
@click.option("--batch", type=COUNT, default=4, show_default=True, help="Examples at once.")
@click.option(
    "--accumulate", type=COUNT, default=1, show_default=True, help="Batches that make a step."
)
@click.option("--epochs", type=COUNT, default=1, show_default=True, help="Times through the data.")
@click.option(
    "--save-every", type=COUNT, default=10, show_default=True, help="Steps between checkpoints."
)
@click.option(
    "--bfloat16/--float32",
    default=None,
    help="What to compute in. [bfloat16 where the device is faster so]",
)
@click.option("--four-bit", is_flag=True, help="Hold the model in 4 bits (CUDA, bitsandbytes).")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=COUNT, default=1, show_default=True, help="Of the CPU.")
@click.option(
    "--seed",
    type=SEED,
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

    check_device(str(settings["device"]), several=False)
    check_installed()
    with Corpus.open(db, read_only=True) as corpus, Progress("looking for the model") as progress:
        tuning = Tuning(model=weights_of(model), **settings)  # type: ignore[arg-type]
        from lemur2.finetuning.run import finetune as train

        progress.show("choosing networks")
        show = _Shown(progress, as_json)
        train(tuning, data, corpus, out, on_chosen=show.chosen, on_step=show.step)
    if not as_json:
        say(f"the adapter is in {out}; compare with `lemur2 finetune-eval --adapter {out}`")


class _Shown:
    """Tells what is trained on and how it goes."""

    def __init__(self, progress: Progress, as_json: bool) -> None:
        self.progress, self.as_json = progress, as_json

    def chosen(self, chosen: Chosen) -> None:
        self.progress.clear()
        if self.as_json:
            emit_json(asdict(chosen))
        else:
            families = ", ".join(f"{name} {count}" for name, count in chosen.families.items())
            say(f"{chosen.examples:,} networks, {chosen.tokens:,} tokens: {families}")
        self.progress.show("loading the model")

    def step(self, step: Step) -> None:
        if self.as_json:
            emit_json(asdict(step))
        self.progress.show("step", step.step, step.steps, f"loss {step.loss:.3f}")
