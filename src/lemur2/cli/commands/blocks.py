"""`lemur2 blocks`: from the sources of model libraries to a library of runnable blocks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur2.cli.group import SuggestingGroup
from lemur2.cli.options import (
    COUNT,
    SEED,
    LimitFlags,
    json_option,
    limit_options,
    refuse,
    wide_option,
)
from lemur2.cli.output import emit_json, emit_text, print_fields, print_table, say
from lemur2.cli.progress import Progress
from lemur2.errors import UsageError, UserError
from lemur2.paths import inside
from lemur2.suggestions import did_you_mean

if TYPE_CHECKING:
    from lemur2.retrieval.index.store import FileIndexStore
    from lemur2.retrieval.library.shelf import BlockLibrary, Entry
    from lemur2.retrieval.values import Block

DEFAULT_SOURCES = ("dist:torchvision", "dist:timm", "dist:transformers")

_STAGES = ("extracted", "closed", "imported", "built", "forward", "backward")
_CATEGORIES = (
    *("attention", "convolution", "transformer", "pooling", "normalisation", "loss"),
    *("architecture", "utility"),
)

_library_option = click.option(
    "--library",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The library's file. [default: blocks/library.db in ~/.cache/lemur2]",
)
_index_option = click.option(
    "--index",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The index's file. [default: blocks/index.db in ~/.cache/lemur2]",
)
_category_option = click.option(
    "--category", type=click.Choice(_CATEGORIES), help="Of this category only."
)
_stage_option = click.option(
    "--stage",
    type=click.Choice(_STAGES),
    help="Those only that passed this stage.",
)
_count_option = click.option(
    "-n",
    "count",
    type=COUNT,
    default=20,
    show_default=True,
    help="At most so many.",
)


@click.group(cls=SuggestingGroup)
def blocks() -> None:
    """Retrieve runnable blocks from real code bases (NN-RAG).

    \b
    lemur2 blocks index                       torchvision, timm, transformers as installed
    lemur2 blocks extract DropPath SwinTransformerBlock --out blocks
    lemur2 blocks extract --sample 300
    lemur2 blocks search "window attention" --category attention
    lemur2 grow retrieval -n 20 --dataset mnist-5k
    """


@blocks.command("index")
@click.argument("sources", nargs=-1)
@_index_option
@json_option
def index_(sources: tuple[str, ...], index: Path | None, as_json: bool) -> int:
    """Index the sources of model libraries; only files that changed are read again.

    SOURCES are dist:NAME (installed), pip:NAME==VERSION, a wheel, a folder, or a git URL; by
    default torchvision, timm and transformers, as far as they are installed.

    \b
    lemur2 blocks index
    lemur2 blocks index dist:timm https://github.com/someone/models
    """
    from lemur2.retrieval.index.discovery import BlockDiscovery
    from lemur2.retrieval.places import blocks_root
    from lemur2.retrieval.sources.cache import RepoCache

    cache = RepoCache(blocks_root() / "sources")
    failed, wanted = 0, sources or DEFAULT_SOURCES
    with _opened_index(index, create=True) as store, Progress() as progress:
        for done, source in enumerate(wanted):
            progress.show("source", done, len(wanted), source)
            try:
                origin = cache.add(source)
                update = store.update(origin)
            except UserError as error:
                failed += 1
                progress.clear()
                say(f"lemur2: {source}: {error}", err=True)
                continue
            found = {
                "origin": origin.name,
                "version": origin.version,
                "licence": origin.licence,
                "files": update.files,
                "parsed": update.parsed,
                "removed": update.removed,
                "blocks": len(BlockDiscovery(store).blocks(origin.name)),
                "problems": list(update.problems),
            }
            progress.clear()
            _say_indexed(found, as_json)
    return int(failed == len(wanted) or bool(sources and failed))


def _say_indexed(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    say(
        "{origin} {version} ({licence}): {files} files, {parsed} read, {blocks} blocks".format(
            **found
        )
    )
    for problem in found["problems"]:
        say(f"  {problem}", indent="  ", err=True)


@blocks.command("list")
@_category_option
@_stage_option
@click.option("--origin", help="Of this origin only (timm, torchvision, ...).")
@_count_option
@_library_option
@wide_option
@json_option
def list_(
    category: str | None,
    stage: str | None,
    origin: str | None,
    count: int,
    library: Path | None,
    as_json: bool,
) -> None:
    """The blocks of the library.

    \b
    lemur2 blocks list --category attention --stage backward
    lemur2 blocks list --origin timm -n 1000 --json
    """
    from itertools import islice

    from lemur2.retrieval.library.stages import Stage

    least = Stage(stage) if stage else Stage.REFUSED
    with _opened_library(library) as shelf:
        _check_origin(origin, sorted({each for each, _, _ in shelf.counts()}))
        found = shelf.entries(at_least=least, category=category, origin=origin)
        _print_entries(list(islice(found, count)), as_json)
        if not as_json:
            total = sum(shelf.counts().values())
            say(f"{total} blocks in {shelf.path}; `lemur2 blocks show NAME` shows one")


def _check_origin(origin: str | None, known: list[str]) -> None:
    """Raise UsageError where nothing comes from an origin."""
    if origin is not None and origin not in known:
        there = f"there are {', '.join(known)}" if known else "there are none yet"
        raise UsageError(f"there is no origin {origin!r}; {did_you_mean(origin, known, there)}")


@blocks.command("search")
@click.argument("query")
@_category_option
@_stage_option
@_count_option
@click.option(
    "--meaning/--words-only",
    default=None,
    help="Rank by embeddings too (extra: embeddings). [where the library has them]",
)
@click.option(
    "--tokens",
    type=COUNT,
    help="Print the blocks as prompts show them, of at most so many tokens together.",
)
@_library_option
@wide_option
@json_option
def search_(
    query: str,
    category: str | None,
    stage: str | None,
    count: int,
    meaning: bool | None,
    tokens: int | None,
    library: Path | None,
    as_json: bool,
) -> None:
    """Search the library by name, category, docstring and code.

    \b
    lemur2 blocks search SwinTransformerBlock
    lemur2 blocks search "squeeze and excitation" --category attention --json
    lemur2 blocks search "squeeze and excitation" -n 3 --tokens 2000 > prompt.txt
    """
    from lemur2.retrieval.library.search import exemplar_text, exemplars, search
    from lemur2.retrieval.library.stages import Stage

    if tokens is not None and as_json:
        raise UsageError("--tokens prints text for a prompt, not JSON; leave one out")
    with _opened_library(library) as shelf:
        if tokens is not None:
            found = exemplars(
                shelf,
                query,
                count=count,
                tokens=tokens,
                at_least=Stage(stage) if stage else Stage.BACKWARD,
                category=category,
                meaning=meaning,
            )
            if not found:
                raise UserError(f"no block that fits takes at most {tokens} tokens; allow more")
            for entry in found:
                click.echo(exemplar_text(entry))
            return
        least = Stage(stage) if stage else Stage.IMPORTED
        hits = search(shelf, query, limit=count, category=category, at_least=least, meaning=meaning)
        _print_entries([hit.entry for hit in hits], as_json)


@blocks.command("show")
@click.argument("name")
@click.option("--source-only", is_flag=True, help="The module's text, nothing else.")
@_library_option
@json_option
def show_(name: str, source_only: bool, library: Path | None, as_json: bool) -> None:
    """One block: where it is from, what it was run with, its source.

    \b
    lemur2 blocks show DropPath
    lemur2 blocks show timm.layers.drop.DropPath --source-only > drop_path.py
    """
    if source_only:
        refuse(("as_json",), "does not go with --source-only, which prints the source alone")
    with _opened_library(library) as shelf:
        entry = _one(shelf, name)
    if source_only:
        emit_text(entry.source)
    elif as_json:
        emit_json({**_values(entry), "source": entry.source})
    else:
        print_fields((key.replace("_", " "), value) for key, value in _values(entry).items())
        emit_text(f"\n{entry.source}\n")


@blocks.command("extract")
@click.argument("names", nargs=-1)
@click.option(
    "--names-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of names, one a line or as a JSON list.",
)
@click.option("--all", "all_", is_flag=True, help="Every block of the index.")
@click.option("--sample", type=COUNT, metavar="N", help="So many of the index, at random.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the sample.")
@click.option("--origin", help="Of this origin only.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the modules, a file for each block that could be extracted.",
)
@click.option("--workers", type=COUNT, default=2, help="Blocks tried at once. [2]")
@limit_options
@_index_option
@_library_option
@wide_option
@json_option
def extract_(
    names: tuple[str, ...],
    names_from: Path | None,
    all_: bool,
    sample: int | None,
    seed: int,
    origin: str | None,
    out: Path | None,
    workers: int,
    limits: LimitFlags,
    index: Path | None,
    library: Path | None,
    as_json: bool,
) -> int:
    """Extract blocks as modules that stand alone, see how far each runs, and keep them.

    The stage is the last that a block passed: refused, extracted, parsed, compiled, closed (no
    undefined name, no import of its origin), imported, module, built, forward, backward. The
    reason says why it is not the next one. Ends with 1 where a block that was named is refused.

    \b
    lemur2 blocks extract DropPath PatchEmbed --out blocks
    lemur2 blocks extract --all --origin torchvision
    lemur2 blocks extract --sample 300 --seed 1 --json
    """
    from lemur2.evaluation.library.building import LibraryBuilder
    from lemur2.evaluation.library.validator import BlockValidator
    from lemur2.retrieval.library.stages import Stage

    if sample is None:
        refuse(("seed",), "is of the sample; add --sample N")
    with _opened_index(index) as store:
        _check_origin(origin, [each.name for each in store.origins()])
        wanted, missing = _wanted(
            store, [*names, *_read_names(names_from)], all_, sample, seed, origin
        )
        if missing and not wanted:
            raise UserError(_missing(store, missing[0]))
        stages: Counter[Stage] = Counter()
        with (
            limits.on(limits.limits(), workers) as engine,
            _opened_library(library, create=True) as shelf,
            Progress() as progress,
        ):
            progress.show("blocks", 0, len(wanted))
            builder = LibraryBuilder(store, BlockValidator(engine), shelf, ahead=2 * workers)
            for entry in builder.build(wanted):
                stages[entry.validation.stage] += 1
                progress.clear()
                _say_extracted(entry, _saved(entry, out), as_json)
                progress.show("blocks", stages.total(), len(wanted))
        for name in missing:
            say(f"lemur2: {_missing(store, name)}", err=True)
    if not as_json:
        _summarise(stages)
    return int(bool(names) and (bool(missing) or stages[Stage.REFUSED] > 0))


def _missing(store: FileIndexStore, name: str) -> str:
    from lemur2.retrieval.index.discovery import BlockDiscovery

    known = {block.name for block in BlockDiscovery(store).blocks(None)}
    hint = did_you_mean(name, known, "`lemur2 blocks index` adds sources")
    return f"the index has no block {name}; {hint}"


def _wanted(
    store: FileIndexStore,
    names: list[str],
    all_: bool,
    sample: int | None,
    seed: int,
    origin: str | None,
) -> tuple[list[Block], list[str]]:
    import random

    from lemur2.evaluation.library.building import chosen
    from lemur2.retrieval.index.discovery import BlockDiscovery

    if sum([bool(names), all_, sample is not None]) != 1:
        raise UsageError("say which blocks: names, --names-from FILE, --all, or --sample N")
    discovery = BlockDiscovery(store)
    if names:
        return chosen(discovery, names, origin)
    found = discovery.blocks(origin)
    if not found:
        raise UserError("the index has no blocks; run `lemur2 blocks index` first")
    return (random.Random(seed).sample(found, min(sample, len(found))) if sample else found), []


def _read_names(path: Path | None) -> list[str]:
    if path is None:
        return []
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        try:
            return [str(name) for name in json.loads(text)]
        except json.JSONDecodeError as error:
            raise UserError(f"{path} is neither a JSON list nor lines of names") from error
    return text.split()


def _saved(entry: Entry, out: Path | None) -> str | None:
    if out is None or not entry.source:
        return None
    path = inside(out, entry.qualified_name, ".py")
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(entry.source, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}; choose another --out") from error
    return str(path)


def _say_extracted(entry: Entry, file: str | None, as_json: bool) -> None:
    found = entry.validation
    if as_json:
        emit_json({**_values(entry), "file": file})
    else:
        reason = f"  {found.reason}" if found.reason else ""
        say(f"{found.stage.value:9s} {entry.qualified_name}{reason}", indent=" " * 10)


def _summarise(stages: Counter[Any]) -> None:
    from lemur2.retrieval.library.stages import Stage

    total = sum(stages.values())
    reached = [
        (stage.value, sum(n for s, n in stages.items() if s.reaches(stage)))
        for stage in Stage
        if stage is not Stage.REFUSED
    ]
    rows = [(name, n, f"{100 * n / max(1, total):.1f} %") for name, n in reached]
    print_table(("stage", "blocks", "share"), rows, right=("blocks", "share"))


def _values(entry: Entry) -> dict[str, Any]:
    found = entry.validation
    return {
        "name": entry.name,
        "qualified_name": entry.qualified_name,
        "stage": found.stage.value,
        "reason": found.reason,
        "origin": entry.origin,
        "version": entry.version,
        "licence": entry.licence,
        "category": entry.category,
        "signature": entry.signature,
        "arguments": found.arguments,
        "inputs": found.inputs,
        "shapes": {name: list(shape) for name, shape in found.shapes.items()},
        "outputs": [list(shape) for shape in found.outputs],
        "parameters": found.parameters,
        "flops": found.flops,
        "seconds": round(found.seconds, 4),
    }


def _print_entries(entries: list[Entry], as_json: bool) -> None:
    if as_json:
        for entry in entries:
            emit_json(_values(entry))
        return
    rows = [
        (
            entry.qualified_name,
            entry.category,
            entry.validation.stage.value,
            " ".join(f"{n}{list(s)}" for n, s in entry.validation.shapes.items()) or "-",
            " ".join(str(list(s)) for s in entry.validation.outputs[:2]) or "-",
        )
        for entry in entries
    ]
    print_table(("block", "category", "stage", "takes", "gives"), rows)


def _one(shelf: BlockLibrary, name: str) -> Entry:
    found = shelf.named(name)
    if not found:
        raise UserError(
            f"the library has no block {name}; `lemur2 blocks search {name}` looks for like ones"
        )
    if len(found) > 1 and name not in {entry.qualified_name for entry in found}:
        some = ", ".join(entry.qualified_name for entry in found[:4])
        raise UserError(f"{len(found)} blocks are called {name}; say which: {some}")
    return found[0]


@contextmanager
def _opened_library(path: Path | None, *, create: bool = False) -> Iterator[BlockLibrary]:
    from lemur2.retrieval.library.shelf import BlockLibrary
    from lemur2.retrieval.places import library_path

    with BlockLibrary(path or library_path(), create=create) as shelf:
        yield shelf


@contextmanager
def _opened_index(path: Path | None, *, create: bool = False) -> Iterator[FileIndexStore]:
    from lemur2.retrieval.index.store import FileIndexStore
    from lemur2.retrieval.places import index_path

    where = path or index_path()
    if not create and not where.is_file():
        raise UserError(f"there is no index at {where}; run `lemur2 blocks index` first")
    where.parent.mkdir(parents=True, exist_ok=True)
    store = FileIndexStore(where)
    try:
        yield store
    finally:
        store.close()
