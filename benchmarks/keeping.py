"""What keeping weights costs: the same run with and without, in turns, in one engine.

python benchmarks/keeping.py [ROUNDS]     prints the ratio of wall times, and what is on disk
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from lemur2.corpus import Corpus
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.plan import Plan
from lemur2.generators.fractal import FractalGenerator
from lemur2.loop import Settings, grow, start_run
from lemur2.loop.keeping import Keeping

CANDIDATES = 12
MULTIPLICATIONS = 4_000_000  # in the largest network


def seconds(engine: Engine, plan: Plan, keeping: Keeping) -> tuple[float, int]:
    """Wall time of a run in a new corpus, and the bytes of what it keeps."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "c.db"
        with Corpus.open(place, create=True) as corpus:
            config = FractalGenerator.Config(max_multiplications=MULTIPLICATIONS)
            generator = FractalGenerator(config, 0)
            run = start_run(corpus, generator, plan, Limits(), Settings(total=CANDIDATES))
            started = time.perf_counter()
            grow(corpus, run, generator, plan, engine, keeping=keeping)
            took = time.perf_counter() - started
        kept = Path(f"{place}.artifacts").glob("??/*")
        return took, sum(path.stat().st_size for path in kept)


def main() -> None:
    """Run both in turns and compare."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    plan = Plan.of(Protocol(dataset="mnist-5k").with_(hyperparameters={"batch": 16}))
    ratios, size = [], 0
    with LocalEngine() as engine:
        seconds(engine, plan, Keeping(what="none"))  # both start warm
        for number in range(rounds):
            order = ("none", "best") if number % 2 else ("best", "none")
            found = {what: seconds(engine, plan, Keeping(what=what)) for what in order}
            ratios.append(found["best"][0] / found["none"][0])
            size = found["best"][1]
            print(f"with {found['best'][0]:6.2f} s  without {found['none'][0]:6.2f} s", flush=True)
    print(f"{CANDIDATES} networks a run, {rounds} rounds in turns; three kept: {size:,} bytes")
    print(f"ratio with / without: median {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
