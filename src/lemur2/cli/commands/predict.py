"""`lemur2 predict` and `lemur2 evaluate`: what a trained network says, and its scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur2.architecture import Refusal
from lemur2.cli.options import (
    COUNT,
    NUMBER,
    SEED,
    LimitFlags,
    artifacts_option,
    db_option,
    download_option,
    json_option,
    limit_options,
    refuse,
)
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress
from lemur2.errors import UsageError, UserError

if TYPE_CHECKING:
    from lemur2.evaluation.engines import Engine
    from lemur2.prediction.predicting import Prediction
    from lemur2.prediction.trained import Trained

_OF_TEXT = ("length", "temperature", "seed")


@click.command()
@click.argument("name")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE|FOLDER...]")
@click.option("--prompt", metavar="TEXT", help="Continue this text, with a network of text.")
@click.option("--length", type=COUNT, default=200, show_default=True, help="Characters to write.")
@click.option(
    "--temperature",
    type=NUMBER,
    default=0.8,
    show_default=True,
    help="How freely to write; 0 takes the likeliest character each time.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of what is written.")
@click.option(
    "--top", type=COUNT, default=1, show_default=True, help="Classes to name, best first."
)
@click.option("--trial", type=COUNT, help="Whose weights. [those of the best score]")
@click.option("--dataset", help="Weights of a training on this data set.")
@artifacts_option
@limit_options
@json_option
@db_option
def predict(
    name: str,
    files: tuple[Path, ...],
    prompt: str | None,
    length: int,
    temperature: float,
    seed: int,
    top: int,
    trial: int | None,
    dataset: str | None,
    artifacts: str | None,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> int:
    """What a trained network says of pictures, or how it continues a text.

    NAME is a network of the corpus whose weights are kept (`lemur2 weights list`). It runs in the
    sandbox, with the transform and the classes that it was trained with. A picture of another
    size is resized so that its shorter side fits, and cut in the middle. Exit code 1 where a
    file cannot be read.

    \b
    lemur2 predict LeNet photo.png
    lemur2 predict LeNet pictures/ --top 3 --json
    lemur2 predict LSTM --prompt "def main(" --length 100
    """
    if (prompt is None) == (not files):
        raise UsageError("give FILEs or FOLDERs of pictures, or a text with --prompt")
    refuse(_OF_TEXT if prompt is None else ("top",), "has no meaning here; see --help")
    from lemur2.corpus import Corpus
    from lemur2.prediction.trained import trained

    with Corpus.open(db, read_only=True) as corpus:
        network = trained(corpus, name, trial=trial, dataset=dataset, place=artifacts)
    try:
        with limits.on(limits.limits(), 1) as engine:
            if prompt is None:
                return _pictures(network, files, engine, top, as_json)
            return _text(network, prompt, engine, length, temperature, seed, as_json)
    except Refusal as refusal:
        raise UserError(f"{name} fails: {refusal.verdict}: {refusal}") from refusal


def _pictures(
    network: Trained, places: tuple[Path, ...], engine: Engine, top: int, as_json: bool
) -> int:
    from lemur2.prediction.pictures import picture_files
    from lemur2.prediction.predicting import predict_pictures

    files = list(picture_files(places))
    failed = 0
    with Progress() as progress:
        progress.show("predicting", 0, len(files))
        found = predict_pictures(network, files, engine, top=top)
        for done, prediction in enumerate(found, start=1):
            failed += bool(prediction.problem)
            progress.clear()
            _say(prediction, as_json)
            progress.show("predicting", done, len(files))
    if failed:
        say(f"lemur2: error: {failed} of {len(files)} files cannot be read", err=True)
    return int(failed > 0)


def _say(found: Prediction, as_json: bool) -> None:
    first, probability = found.ranked[0] if found.ranked else (None, None)
    if as_json:
        ranked = [{"prediction": name, "probability": share} for name, share in found.ranked]
        more = {"reason": found.problem} if found.problem else {}
        emit_json(
            {
                "file": str(found.file),
                "prediction": first,
                "probability": probability,
                **({"top": ranked} if len(ranked) > 1 else {}),
                **more,
            }
        )
    elif found.problem:
        say(f"{found.file}  cannot be read: {found.problem}", err=True)
    else:
        shown = ", ".join(f"{name} {share:.1%}" for name, share in found.ranked)
        say(f"{found.file}  {shown}")


def _text(
    network: Trained,
    prompt: str,
    engine: Engine,
    length: int,
    temperature: float,
    seed: int,
    as_json: bool,
) -> int:
    from lemur2.prediction.predicting import continue_text

    drawn = {"length": length, "temperature": temperature, "seed": seed}
    written = []
    if not as_json:
        click.echo(prompt, nl=False)
    for character in continue_text(network, prompt, engine, **drawn):  # type: ignore[arg-type]
        written.append(character)
        if not as_json:
            click.echo(character, nl=False)
    if as_json:
        emit_json({"file": None, "prompt": prompt, "prediction": "".join(written)})
    else:
        click.echo()
    return 0


@click.command()
@click.argument("name")
@click.option("--dataset", help="To score on. [the one that it was trained on]")
@click.option("--metric", help="To score by. [that of its training]")
@click.option("--trial", type=COUNT, help="Whose weights. [those of the best score]")
@download_option
@artifacts_option
@limit_options
@json_option
@db_option
def evaluate(
    name: str,
    dataset: str | None,
    metric: str | None,
    trial: int | None,
    download: bool,
    artifacts: str | None,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> None:
    """Score a network's kept weights on a data set's validation and test part.

    Nothing is trained and nothing is stored.

    \b
    lemur2 evaluate LeNet
    lemur2 evaluate LeNet --dataset mnist-5k --json
    """
    from lemur2.corpus import Corpus
    from lemur2.evaluation import Protocol
    from lemur2.evaluation.plan import Plan
    from lemur2.prediction.predicting import evaluate as scored
    from lemur2.prediction.trained import trained

    with Corpus.open(db, read_only=True) as corpus:
        network = trained(corpus, name, trial=trial, place=artifacts)
    asked = Protocol(
        dataset=dataset or network.plan.spec.name, metric=metric or network.plan.metric
    )
    plan = Plan.of(asked, download=download)
    try:
        with limits.on(limits.limits(), 1) as engine:
            found = scored(network, plan, engine)
    except Refusal as refusal:
        raise UserError(f"{name} fails: {refusal.verdict}: {refusal}") from refusal
    values = {part: score.score for part, score in found.items()}
    if as_json:
        emit_json(
            {
                "name": name,
                "trial": network.kept.trial_id,
                "dataset": asked.dataset,
                "metric": plan.metric,
                "score": values["validation"],
                "test_score": values["test"],
            }
        )
    else:
        shown = ", ".join(f"{part} {score:.4f}" for part, score in values.items())
        say(f"{name} (trial {network.kept.trial_id}) on {asked.dataset}: {plan.metric} {shown}")
