"""The corpus at its real size: import, disk, queries; ours against the peer's.

    python benchmarks/corpus.py [--wheel nn_dataset-2.1.0-py3-none-any.whl] [--peer-import]

Every figure is of a fresh process: CPU seconds (user and system, children included) and peak
memory. For queries the process imports the library and opens the corpus first; these seconds are
shown apart, and the query is run several times, of which the median counts (the first one where
the answer is everything).

The peer is the package `nn-dataset`. Where it is installed its queries run, too; its database is
built with `--peer-import` (ten minutes) or taken where it has one. Otherwise the ratio is to what
was measured for it once, on 2 cores of an EPYC with AVX2, and the line says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MEASURE = """
import json, resource, statistics, sys, time
def cpu():
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)
def measure(run, times):
    spent = []
    for _ in range(times):
        begin = cpu()
        rows = len(run())
        spent.append(cpu() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    figures = {"seconds": statistics.median(spent), "memory": peak, "rows": rows}
    print(json.dumps({**figures, "before": begun}))
"""

OURS_IMPORT = """
from lemur2.corpus import Corpus
from lemur2.corpus.importing import import_corpus
begun = 0.0
def run():
    with Corpus.open({db!r}, create=True) as corpus:
        return [import_corpus(corpus, {wheel!r})]
measure(run, 1)
"""
OURS_OPEN = """
import lemur2.corpus.store
begun = cpu()
def run():
    lemur2.corpus.store.Corpus.open({db!r}, read_only=True).close()
    return [None]
measure(run, 1)
"""
OURS_QUERY = """
import lemur2
lemur2.data(db={db!r}, nn="none")
begun = cpu()
measure(lambda: lemur2.data(db={db!r}, {arguments}), {times})
"""
OURS_BATCHES = """
from lemur2.corpus.query.table import batches
begun = cpu()
measure(lambda: range(sum(map(len, batches(db={db!r})))), 1)
"""
OURS_ARROW = """
import pyarrow
from lemur2.corpus.query.table import arrow
begun = cpu()
measure(lambda: arrow(db={db!r}), 1)
"""
PEER_QUERY = """
import ab.nn.api
begun = cpu()
measure(lambda: ab.nn.api.data({arguments}), {times})
"""
PEER_IMPORT = """
begun = 0.0
def run():
    import ab.nn.api
    return [ab.nn.api.data(nn="AlexNet")]
measure(run, 1)
"""
NN_DATASET_EPOCH = "only_best_accuracy=True, group_by=('nn', 'dataset', 'epoch')"


@dataclass(frozen=True)
class Question:
    """A query: ours, the peer's, the limit in seconds and bytes, the peer's recorded figures."""

    label: str
    ours: str
    peer: str
    times: int
    limit: float
    recorded: tuple[float, float] | None  # seconds, bytes
    memory_limit: float = 1.5e9


QUESTIONS = (
    Question("everything", "", "", 1, 5.0, (61.3, 11.6e9)),
    Question("everything, prm as columns", "hyperparameters='columns'", "", 1, 5.0, (61.3, 11.6e9)),
    Question(
        "best per (nn, dataset, epoch)",
        NN_DATASET_EPOCH,
        "only_best_accuracy=True",
        3,
        2.0,
        (42.7, 2.5e9),
    ),
    # The peer did not finish this in 240 seconds, so it is not asked.
    Question(
        "the same, cifar-10 only", f"dataset='cifar-10', {NN_DATASET_EPOCH}", "-", 7, 0.3, (240, 0)
    ),
    Question("cifar-10", "dataset='cifar-10'", "dataset='cifar-10'", 3, 5.0, (13.0, 3.4e9)),
    Question("one network (AlexNet)", "nn='AlexNet'", "nn='AlexNet'", 9, 0.02, (0.8, 0)),
)


@dataclass(frozen=True)
class Figures:
    """What a process measured: CPU seconds, peak bytes, rows."""

    seconds: float
    memory: float
    rows: int


def run(script: str, folder: Path) -> Figures:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", MEASURE + script]
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(ended.stderr)
    found = json.loads(ended.stdout.splitlines()[-1])
    return Figures(found["seconds"], found["memory"], found["rows"])


def line(label: str, ours: Figures, limit: float, memory_limit: float, peer: str) -> None:
    """Print one comparison."""
    good = ours.seconds <= limit and ours.memory <= memory_limit
    print(
        f"{label:32}{ours.seconds:8.3f} s {ours.memory / 1e6:7,.0f} MB {ours.rows:9,} rows   "
        f"limit {limit:6.2f} s {memory_limit / 1e9:.1f} GB {'kept' if good else 'MISSED'}   {peer}",
        flush=True,
    )


def against(ours: Figures, theirs: tuple[float, float] | None, how: str) -> str:
    """The peer's figures and how many times ours they are."""
    if theirs is None:
        return ""
    seconds, memory = theirs
    text = f"peer {seconds:.1f} s ({how}) = {seconds / max(ours.seconds, 1e-4):,.0f} x"
    return text + (f", {memory / 1e9:.1f} GB = {memory / ours.memory:.1f} x" if memory else "")


def peer_figures(question: Question, has_peer: bool, folder: Path) -> tuple[tuple, str]:
    """What the peer takes: measured where it can be, else as recorded."""
    if has_peer and question.peer != "-":
        found = run(PEER_QUERY.format(arguments=question.peer, times=1), folder)
        return (found.seconds, found.memory), "measured"
    return question.recorded or (), "recorded"


def find_wheel(given: str | None) -> str:
    """The wheel: as given, or `$LEMUR2_WHEEL`, or what `lemur2 import nn-dataset` would take."""
    from lemur2.corpus.importing import locate_source

    return str(
        Path(given or os.environ.get("LEMUR2_WHEEL") or locate_source("nn-dataset")).resolve()
    )


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", help="[$LEMUR2_WHEEL, or downloaded]")
    parser.add_argument("--peer-import", action="store_true", help="build the peer's database")
    options = parser.parse_args()
    wheel = find_wheel(options.wheel)
    has_peer = importlib.util.find_spec("ab") is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = str(folder / "corpus.db")
        measured: tuple[float, float] | None = None
        if has_peer and options.peer_import:
            found = run(PEER_IMPORT, folder)
            measured = (found.seconds, found.memory)
        ours = run(OURS_IMPORT.format(db=db, wheel=wheel), folder)
        how = "measured" if measured else "recorded"
        line(
            "import, digests included", ours, 75, 1e9, against(ours, measured or (445, 664e6), how)
        )
        disk = sum(path.stat().st_size for path in folder.glob("corpus.db*"))
        kept = "kept" if disk <= 200e6 else "MISSED"
        print(
            f"{'on disk':32}{disk / 1e6:8.1f} MB   limit 200 MB {kept}   "
            f"peer 598 MB (recorded) = {598e6 / disk:.1f} x"
        )
        again = run(OURS_IMPORT.format(db=db, wheel=wheel), folder)
        line("import again", again, 75, 1e9, "")
        line("opening", run(OURS_OPEN.format(db=db), folder), 0.1, 1e9, "")
        for question in QUESTIONS:
            script = OURS_QUERY.format(db=db, arguments=question.ours, times=question.times)
            ours = run(script, folder)
            theirs, how = peer_figures(question, has_peer, folder)
            line(
                question.label,
                ours,
                question.limit,
                question.memory_limit,
                against(ours, theirs or None, how),
            )
        line("everything, in batches", run(OURS_BATCHES.format(db=db), folder), 5, 1.5e9, "")
        line("everything, as Arrow", run(OURS_ARROW.format(db=db), folder), 5, 1.5e9, "")


if __name__ == "__main__":
    main()
