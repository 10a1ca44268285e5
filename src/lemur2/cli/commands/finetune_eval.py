"""`lemur2 finetune-eval`: what a model writes before and after fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lemur2.cli.options import (
    COUNT,
    NUMBER,
    SEED,
    LimitFlags,
    db_option,
    json_option,
    limit_options,
    wide_option,
)
from lemur2.cli.output import emit_json, print_table, say
from lemur2.cli.progress import Progress


@click.command("finetune-eval")
@click.option(
    "--model",
    required=True,
    help="What was tuned: embedded, a GGUF file, a folder, or a name on the hub.",
)
@click.option(
    "--adapter",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="What `lemur2 finetune` wrote.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write; the same command goes on with it.",
)
@click.option("-n", "count", type=COUNT, default=64, show_default=True, help="Networks an arm.")
@click.option("--dataset", default="mnist-5k", show_default=True, help="What they are for.")
@click.option("--transform", metavar="NAME|FILE", help="Fixes the input's size. [the data set's]")
@click.option(
    "--accuracy", type=click.FloatRange(0, 1), help="That the prompt asks for. [none is named]"
)
@click.option(
    "--way",
    "ways",
    type=click.Choice(("whole", "partial", "grammar")),
    multiple=True,
    help="The model writes the whole file; only layers and forward of a begun one; or these as a "
    "grammar allows (untouched GGUF files only). May be repeated. [whole, partial]",
)
@click.option(
    "--temperature",
    "temperatures",
    type=NUMBER,
    multiple=True,
    help="How freely it writes; may be repeated. [0.8]",
)
@click.option("--top-k", type=COUNT, help="Only the K likeliest tokens. [all]")
@click.option("--top-p", type=NUMBER, default=1.0, show_default=True, help="Only their share.")
@click.option("--only-tuned", is_flag=True, help="Leave the untouched model out.")
@click.option("--batch", type=COUNT, default=16, show_default=True, help="Replies at once.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="The first reply's.")
@limit_options
@wide_option
@json_option
@db_option
def finetune_eval(
    model: str,
    adapter: Path,
    out: Path,
    count: int,
    dataset: str,
    transform: str | None,
    accuracy: float | None,
    ways: tuple[str, ...],
    temperatures: tuple[float, ...],
    top_k: int | None,
    top_p: float,
    only_tuned: bool,
    batch: int,
    seed: int,
    limits: LimitFlags,
    as_json: bool,
    db: str | None,
) -> None:
    """Compare what a model writes before and after fine-tuning.

    Both are asked the same with the same seeds. What they write is mended, parsed, screened in
    the sandbox at the data set's input, and compared with the corpus: the report has a funnel for
    each arm (a model, a way to ask, a temperature), with 95% intervals. A comparison that was
    killed goes on from the replies that it has.

    \b
    lemur2 finetune-eval --model embedded --adapter tuned --out before-after
    lemur2 finetune-eval --model embedded --adapter tuned --out ways -n 100 \\
        --way partial --temperature 0.6 --temperature 1.0 --only-tuned
    """
    from lemur2.corpus import Corpus
    from lemur2.evaluation import Protocol
    from lemur2.evaluation.plan import Plan
    from lemur2.finetuning.compare import Comparison, compare
    from lemur2.finetuning.extra import check_installed
    from lemur2.finetuning.novelty import corpus_digests
    from lemur2.llm import Sampling
    from lemur2.llm.choosing import weights_of

    check_installed()
    allowed = limits.limits(screening=True)
    plan = Plan.of(Protocol(dataset=dataset).with_(transform=transform))
    comparison = Comparison(
        model=weights_of(model),
        adapter=adapter,
        ways=ways or ("whole", "partial"),
        samplings=tuple(
            Sampling(temperature=each, top_k=top_k, top_p=top_p) for each in temperatures or (0.8,)
        ),
        count=count,
        seed=seed,
        accuracy=accuracy,
        batch=batch,
        threads=allowed.threads,
        before=not only_tuned,
    )
    with Progress("reading the corpus's digests") as progress:
        out.mkdir(parents=True, exist_ok=True)
        with Corpus.open(db, read_only=True) as corpus:
            known = corpus_digests(corpus, out / "digests.json")
        with limits.on(allowed, 1) as engine:
            report = compare(comparison, plan, known, engine, out, on_progress=progress.show)
    if as_json:
        for name, arm in report["arms"].items():
            emit_json({"arm": name, **arm})
        return
    _print(report)
    say(f"\nsee {out / 'report.md'}")


def _print(report: Mapping[str, Any]) -> None:
    """A row for each arm: how many of its networks passed each stage."""
    rows = []
    stages: list[str] = []
    for name, arm in report["arms"].items():
        stages = [stage["stage"] for stage in arm["stages"]]
        rows.append((name, *(stage["count"] for stage in arm["stages"])))
    print_table(("arm", *stages), rows, right=stages, first=("arm", "new and ok", "ok", "asked"))
