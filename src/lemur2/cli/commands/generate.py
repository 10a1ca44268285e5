"""`lemur2 generate`: a generator's candidates as files, nothing evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from lemur2.cli.commands.grow import GeneratorGroup
from lemur2.cli.config import build_config
from lemur2.cli.options import (
    COUNT,
    SEED,
    LimitFlags,
    db_option,
    json_option,
    limit_options,
    refuse,
)
from lemur2.cli.output import emit_json, say
from lemur2.cli.progress import Progress
from lemur2.errors import UserError
from lemur2.paths import inside

if TYPE_CHECKING:
    from lemur2.architecture import Candidate
    from lemur2.corpus import Corpus
    from lemur2.loop import Generator

_AT_ONCE = 8  # asked for; what is not written yet is lost when it is killed


def _make_generate(kind: type[Generator[Any]]) -> click.Command:
    @click.command(
        kind.name, help=f"Write candidates of {kind.name}: {kind.about}.", short_help=kind.about
    )
    @click.option(
        "-n",
        "total",
        type=COUNT,
        default=20,
        show_default=True,
        help="Candidates to write.",
    )
    @click.option(
        "--seed",
        type=SEED,
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
    @click.option(
        "--dataset",
        help="Whose scores rank the existing networks to build on. "
        "[of image classification, the one with the most trials in the corpus]",
    )
    @limit_options
    @json_option
    @db_option
    def command(
        total: int,
        seed: int,
        out: Path,
        dataset: str | None,
        limits: LimitFlags,
        as_json: bool,
        db: str | None,
        **config: Any,
    ) -> None:
        from lemur2.corpus.pool import Pool
        from lemur2.datasets import dataset_class

        if not _builds_on_networks(kind):
            refuse(("dataset", "db"), f"has no meaning: {kind.name} builds on no existing networks")
        task = dataset_class(dataset).task if dataset else "img-classification"
        generator = kind(build_config(kind.Config, config), seed)
        with _corpus(db) as corpus, closing(generator):
            generator.use(limits.on(limits.limits(screening=True), 1))
            generator.meet(Pool(corpus, task=task, dataset=dataset))
            _write(generator, total, out, as_json)

    return command


def _builds_on_networks(kind: type[Generator[Any]]) -> bool:
    from lemur2.loop import Generator

    return kind.meet is not Generator.meet


@click.group(cls=GeneratorGroup, make=_make_generate)
def generate() -> None:
    """Write a generator's candidates to a folder, without evaluating them.

    One `<name>.py` per candidate, and `candidates.jsonl` with a line each: name, generator,
    parents, parameters. Generators that build on existing networks take them from the corpus, if
    there is one, and from the zoo. What is in the folder already stays; a file is replaced by one
    of the same name only.

    \b
    lemur2 generate fractal -n 50 --out fractals
    lemur2 generate zoo -n 5 --out nets
    lemur2 check fractals/*.py
    """


@contextmanager
def _corpus(db: str | None) -> Iterator[Corpus | None]:
    """The corpus to read from; None where the default one does not exist yet."""
    from lemur2.corpus import Corpus
    from lemur2.corpus.db.database import locate

    place = locate(db)
    default = db is None and place.get_backend_name() == "sqlite"
    if default and not Path(place.database or "").exists():
        yield None
        return
    with Corpus.open(db, read_only=True) as corpus:
        yield corpus


def _write(generator: Generator[Any], total: int, out: Path, as_json: bool) -> None:
    written = 0
    with _index(out) as index, Progress() as progress:
        progress.show(generator.name, 0, total)
        generator.say = lambda text: progress.show(generator.name, written, total, text)
        listed = _listed(index)
        while written < total and (batch := generator.ask(min(_AT_ONCE, total - written))):
            for candidate in batch:
                entry = _save(candidate, out)
                if entry["name"] not in listed:
                    index.write(json.dumps(entry) + "\n")
                if as_json:
                    emit_json({**entry, "file": str(out / f"{entry['name']}.py")})
            index.flush()
            written += len(batch)
            progress.show(generator.name, written, total)
    if as_json:
        return
    more = f"`lemur2 check {out}/*.py` screens them"
    if written and candidate.kind == "transform":
        more = "`lemur2 train NETWORK --dataset D --transform FILE` tries one"
    for line in generator.notes():
        say(line)
    if written < total:
        say(
            f"{generator.name} has no more than {written} of {total}, or none before it hears how "
            f"these do; `lemur2 grow {generator.name}` evaluates as it goes"
        )
    say(f"{written} candidates in {out}; {more}")


@contextmanager
def _index(out: Path) -> Iterator[TextIO]:
    """The open list of candidates in a folder, which is made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "candidates.jsonl").open("a+", encoding="utf-8") as index:
            yield index
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(
            f"cannot write to {out}: {error.strerror}; choose another folder with --out"
        ) from error


def _listed(index: TextIO) -> set[str]:
    """Names that an index of earlier output has; a line that was never finished is cut off."""
    index.seek(0)
    text = index.read()
    whole = text[: text.rfind("\n") + 1]
    index.truncate(len(whole.encode()))
    return {json.loads(line)["name"] for line in whole.splitlines()}


def _save(candidate: Candidate, out: Path) -> dict[str, Any]:
    from lemur2.architecture.names import content_name

    name = candidate.name or content_name(candidate.prefix, candidate.source)
    inside(out, name, ".py").write_text(candidate.source, encoding="utf-8")
    return {
        "name": name,
        "generator": candidate.generator,
        "parents": list(candidate.parents),
        "parameters": dict(candidate.parameters),
    }
