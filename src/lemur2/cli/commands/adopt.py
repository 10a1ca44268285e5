"""`lemur2 adopt`: ordinary modules become Net files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur2.cli.options import COUNT, LimitFlags, json_option, limit_options
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress

if TYPE_CHECKING:
    from lemur2.adoption.adopting import Adopted


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder for the files. [the working folder]",
)
@click.option("--channels", type=COUNT, help="Of the input, to screen with. [3]")
@click.option("--dataset", help="Screen at this data set's own input, classes and transform.")
@limit_options
@json_option
def adopt(
    models: tuple[str, ...],
    out: Path,
    channels: int | None,
    dataset: str | None,
    limits: LimitFlags,
    as_json: bool,
) -> int:
    """Write Net files of ordinary modules, which then train like any other network.

    A MODEL is FILE.py or FILE.py:Class (an nn.Module of your own; the file's text goes along),
    timm:NAME, torchvision:NAME, or package.module:Class of an installed library. Parameters of the
    constructor that say channels, classes or image size (in_channels, num_classes, img_size, ...)
    follow the data set; others keep their defaults. The file trains by SGD with momentum. It is
    screened in the sandbox before it is saved; exit code 1 where one is refused.

    \b
    lemur2 adopt mine.py:TinyNet
    lemur2 adopt timm:resnet18 torchvision:mobilenet_v3_small --out adopted
    lemur2 train TinyNet-*.py --dataset digits
    """
    from lemur2.adoption.adopting import adopt as adopted
    from lemur2.cli.commands.check import input_of

    at = input_of(None, channels, dataset)
    engine = limits.on(limits.limits(screening=True), 1)
    refused = 0
    with Progress("starting the sandbox") as progress:
        for done, each in enumerate(adopted(models, out, at, engine), start=1):
            refused += each.file is None
            progress.clear()
            _say(each, as_json)
            progress.show("adopting", done, len(models))
    return int(refused > 0)


def _say(each: Adopted, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "name": each.name,
                "verdict": each.verdict,
                "reason": each.reason,
                "file": str(each.file) if each.file else None,
            }
        )
    elif each.file is not None:
        note = f"  note: {each.reason}" if each.reason else ""
        say(f"{each.verdict:<9} {each.file}{note}", indent=" " * 10)
    else:
        say(f"{each.verdict:<9} {each.name}  {each.reason}", indent=" " * 10)
