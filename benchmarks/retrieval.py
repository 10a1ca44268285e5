"""Retrieval of blocks: how many get how far, why not further, seconds a block.

    python benchmarks/retrieval.py                       300 random blocks of the default sources
    python benchmarks/retrieval.py NAMES.json            the blocks of these names
    python benchmarks/retrieval.py --count 40 --origin timm

The index is made first in a folder of its own, timed apart. The peer's figures that are printed
beside were measured once, with the package `nn-rag` on 60 names of timm, torchvision and part of
transformers; it is not run here.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from lemur2.errors import UserError
from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.library.building import LibraryBuilder, chosen
from lemur2.evaluation.library.validator import BlockValidator
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.sources.cache import RepoCache

PEER = "2.8 files/s indexed; 68 % called valid, 43 % import cleanly, 1.59 s a block"
SOURCES = ("dist:torchvision", "dist:timm", "dist:transformers")


def indexed(folder: Path, store: FileIndexStore) -> None:
    """Index what is installed of the default sources, twice, and say how long that took."""
    cache = RepoCache(folder / "sources")
    for turn in ("from nothing", "again"):
        started, cpu = time.perf_counter(), time.process_time()
        for source in SOURCES:
            try:
                store.update(cache.add(source))
            except UserError as error:
                print(f"left out: {error}")
        wall, used = time.perf_counter() - started, time.process_time() - cpu
        print(f"index {turn:12s}  {wall:6.1f} s, of which {used:.1f} s CPU of this process")


def wanted(store: FileIndexStore, options: argparse.Namespace) -> list:
    """The blocks to try."""
    discovery = BlockDiscovery(store)
    if options.names is not None:
        blocks, missing = chosen(discovery, json.loads(options.names.read_text()), options.origin)
        print(f"{len(blocks)} blocks of the names; {len(missing)} names are not there")
    else:
        blocks = discovery.blocks(options.origin)
        print(f"{len(blocks)} blocks; {options.count} at random, seed {options.seed}")
    count = min(options.count or len(blocks), len(blocks))
    return random.Random(options.seed).sample(blocks, count)


def told(entries: list, seconds: list[float]) -> None:
    """Stages with shares, seconds, and reasons with counts."""
    for stage in list(Stage)[1:]:
        reached = sum(e.validation.stage.reaches(stage) for e in entries)
        print(f"  {stage.value:10s} {reached:5d}  {100 * reached / len(entries):5.1f} %")
    sandbox = [e.validation.seconds for e in entries]
    middle, mean = statistics.median(seconds), statistics.mean(seconds)
    print(f"median {middle:.3f} s a block, mean {mean:.3f}, wall, extraction and validation")
    print(f"median {statistics.median(sandbox):.3f} s CPU of that in the sandbox")
    reasons = Counter(
        (e.validation.stage.value, e.validation.reason.split(": ", 1)[-1][:70])
        for e in entries
        if e.validation.stage is not Stage.BACKWARD
    )
    for (stage, reason), count in reasons.most_common(25):
        print(f"  {count:4d}  after {stage}: {reason}")


def main() -> None:
    """Index, extract, validate, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="?", type=Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--origin")
    options = parser.parse_args()
    if options.names is None and options.count is None:
        options.count = 300
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = FileIndexStore(folder / "index.db")
        indexed(folder, store)
        blocks = wanted(store, options)
        entries, seconds = [], []
        with (
            LocalEngine(workers=1) as engine,
            BlockLibrary(folder / "library.db", create=True) as library,
        ):
            builder = LibraryBuilder(store, BlockValidator(engine), library, ahead=1)
            for block in blocks:  # one after another: what each takes by itself
                started = time.perf_counter()
                entries += builder.build([block])
                seconds.append(time.perf_counter() - started)
        told(entries, seconds)
        store.close()
    print(f"nn-rag, earlier: {PEER}")


if __name__ == "__main__":
    main()
