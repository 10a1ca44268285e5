"""The public package `nn-rag` beside lemur2: the same names, the same sources, the same judge.

    pip download --no-deps nn-rag
    python benchmarks/retrieval_peer.py nn_rag-2.2.4-py3-none-any.whl NAMES.json --count 60

Sources are the installed torchvision and timm, both indexed from nothing. Each package extracts and
validates every name by itself, timed from outside; then what each wrote is judged by lemur2's
static checks and by an import in the sandbox, where neither library can be imported. The peer runs
in a process of its own, in a temporary folder, without network.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.library.building import LibraryBuilder, chosen
from lemur2.evaluation.library.validator import BlockValidator
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.sources.cache import RepoCache

PACKAGES = ("torchvision", "timm")

#: Run by the peer's process: its own interface, told that the sources are repositories it has.
CHILD = """
import json, sys, time
from pathlib import Path
from ab.rag import BlockExtractor

folder, names = Path(sys.argv[1]), json.loads(sys.argv[2])
extractor = BlockExtractor(project_dir=folder / "project")
roots = {path.name: path for path in (folder / "repositories").iterdir()}
extractor.repo_cache.repos = {name: {"paths": []} for name in roots}
extractor.repo_cache.cache_index = {name: {"path": str(path)} for name, path in roots.items()}
extractor._repos_cached_this_session = True
started = time.perf_counter()
extractor.warm_index_once()
report = {"index": time.perf_counter() - started, "files": 0, "blocks": {}}
for name in names:
    started = time.perf_counter()
    found = extractor.extract_single_block(name)
    report["blocks"][name] = [bool(found.get("success")), time.perf_counter() - started]
(folder / "report.json").write_text(json.dumps(report))
"""


def peer(wheel: Path, names: list[str], folder: Path) -> tuple[dict, dict[str, tuple[str, str]]]:
    """What it reports, and the texts and classes that it wrote, by name."""
    zipfile.ZipFile(wheel).extractall(folder / "package")
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        root = folder / "repositories" / package
        shutil.copytree(Path(spec.origin).parent, root / package)
        (root / ".git").mkdir()
    place = {"HOME": str(folder / "home"), "PYTHONPATH": str(folder / "package")}
    (folder / "project").mkdir()
    subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), json.dumps(names)],
        env={**os.environ, **place},
        check=True,
        cwd=folder / "project",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    written = {}
    for name in names:
        copies = [p for p in folder.rglob(f"{name}.py") if "repositories" not in p.parts]
        if copies:
            written[name] = copies[0].read_text(), name
    return json.loads((folder / "report.json").read_text()), written


def indexed(folder: Path) -> tuple[FileIndexStore, float, int]:
    """Our index of the same sources, seconds, and files."""
    started = time.perf_counter()
    store, cache = FileIndexStore(folder / "index.db"), RepoCache(folder / "sources")
    files = sum(store.update(cache.add(f"dist:{name}")).files for name in PACKAGES)
    return store, time.perf_counter() - started, files


def judged(
    validator: BlockValidator, texts: dict[str, tuple[str, str]], origins: dict[str, str]
) -> str:
    """Shares that stand alone by their text, that import, and that run."""
    reached = []
    for name, origin in origins.items():
        known = name in texts
        found = validator.validate(*texts[name], packages=(origin,)) if known else None
        reached.append(found.stage if found else Stage.REFUSED)
    shares = []
    for stage in (Stage.CLOSED, Stage.IMPORTED, Stage.FORWARD):
        count = sum(each.reaches(stage) for each in reached)
        shares.append(f"{stage.value} {count} ({100 * count / len(origins):.0f} %)")
    return ", ".join(shares)


def main() -> None:
    """Both, then the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("names", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, LocalEngine(workers=1) as engine:
        folder, validator = Path(name), BlockValidator(engine)
        store, our_index, files = indexed(folder)
        known = {block.name for block in BlockDiscovery(store).blocks()}
        there = sorted(known & set(json.loads(options.names.read_text())))
        names = random.Random(options.seed).sample(there, min(options.count, len(there)))
        print(f"{files} files of {' and '.join(PACKAGES)}; {len(names)} of {len(there)} names")
        texts, ours, origins = {}, [], {}
        with BlockLibrary(folder / "library.db", create=True) as library:
            builder = LibraryBuilder(store, validator, library, workers=1)
            for each in names:
                block = chosen(BlockDiscovery(store), [each])[0][0]
                started = time.perf_counter()
                (entry,) = builder.build([block])
                ours.append(time.perf_counter() - started)
                texts[each] = entry.source, entry.class_name
                origins[each] = entry.origin
        store.close()
        report, written = peer(options.wheel, names, folder)
        theirs = [seconds for _, seconds in report["blocks"].values()]
        valid = sum(success for success, _ in report["blocks"].values())
        print(f"index: lemur2 {our_index:.1f} s, nn-rag {report['index']:.1f} s")
        print(f"  {report['index'] / our_index:.1f} times as quick")
        pair = statistics.median(ours), statistics.median(theirs)
        means = statistics.mean(ours), statistics.mean(theirs)
        print(f"seconds a block: lemur2 median {pair[0]:.2f}, mean {means[0]:.2f}")
        print(f"                 nn-rag median {pair[1]:.2f}, mean {means[1]:.2f}")
        print(f"  {pair[1] / pair[0]:.1f} times as quick by the median, {means[1] / means[0]:.1f}")
        print(f"nn-rag calls {valid} of {len(names)} a success; by one judge:")
        print(f"  lemur2: {judged(validator, texts, origins)}")
        print(f"  nn-rag: {judged(validator, written, origins)}")


if __name__ == "__main__":
    main()
