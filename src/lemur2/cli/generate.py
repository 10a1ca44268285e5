"""`lemur2 generate`: a generator's candidates as files, nothing evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.config import build_config
from lemur2.cli.grow import GeneratorGroup
from lemur2.errors import UserError

if TYPE_CHECKING:
    from lemur2.architecture import Candidate
    from lemur2.loop import Generator


def _make_generate(kind: type[Generator[Any]]) -> click.Command:
    @click.command(
        kind.name, help=f"Write candidates of {kind.name}: {kind.about}.", short_help=kind.about
    )
    @click.option(
        "-n",
        "total",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="Candidates to write.",
    )
    @click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Of the generator's choices.",
    )
    @click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        help="Folder for the files; made where it is not there.",
    )
    def command(total: int, seed: int, out: Path, **config: Any) -> None:
        _write(kind(build_config(kind.Config, config), seed), total, out)

    return command


@click.group(cls=GeneratorGroup, make=_make_generate)
def generate() -> None:
    """Write a generator's candidates to a folder, without evaluating them.

    One `<name>.py` per candidate, and `candidates.jsonl` with a line each: name, generator,
    parents, parameters. Files that are there already are replaced by the same name only.

    \b
    lemur2 generate fractal -n 50 --out fractals
    lemur2 generate zoo -n 5 --out nets
    lemur2 check fractals/*.py
    """


def _write(generator: Generator[Any], total: int, out: Path) -> None:
    written = 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "candidates.jsonl").open("w", encoding="utf-8") as index:
            while written < total and (batch := generator.ask(min(64, total - written))):
                for candidate in batch:
                    index.write(json.dumps(_save(candidate, out)) + "\n")
                written += len(batch)
    except OSError as error:
        raise UserError(
            f"cannot write to {out}: {error.strerror}; choose another folder with --out"
        ) from error
    click.echo(f"{written} candidates in {out}; `lemur2 check {out}/*.py` screens them")


def _save(candidate: Candidate, out: Path) -> dict[str, Any]:
    from lemur2.architecture.names import content_name

    name = candidate.name or content_name(candidate.prefix, candidate.source)
    (out / f"{name}.py").write_text(candidate.source, encoding="utf-8")
    return {
        "name": name,
        "generator": candidate.generator,
        "parents": list(candidate.parents),
        "parameters": dict(candidate.parameters),
    }
