"""Screening: forked workers of a warm process against a fresh Python process per candidate.

The same 40 files, the same checks, the same number at once, one after the other in one run. The
fresh process imports torch and torchvision, screens its file without any isolation, and ends.

    python benchmarks/screening.py            prints both rates, their ratio, where the time goes
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from lemur2.architecture.zoo import zoo_names, zoo_source
from lemur2.corpus import Facts
from lemur2.evaluation import Limits
from lemur2.evaluation.engines import Engine, LocalEngine
from lemur2.evaluation.jobs import Screen
from lemur2.generators.fractal import FractalGenerator
from lemur2.quiet import cpus
from lemur2.tasks import Task, task

FILES = 40
TASK = "img-classification"
FRESH = """
import sys, torch, torchvision
torch.set_num_threads(1)
from lemur2.evaluation.screening import Shapes, screen
from lemur2.tasks import Task, task
kind = task("img-classification")
sizes = [Shapes(s, kind.sample_shape(s, 3), kind.default_outputs) for s in kind.input_sizes]
print(screen(sys.stdin.read(), kind, sizes, torch.device("cpu"))["parameters"])
"""


def sources() -> list[str]:
    """The zoo's image networks, then fractals."""
    zoo = [zoo_source(name) for name in zoo_names(TASK)]
    fractals = FractalGenerator(FractalGenerator.Config(), 0).ask(FILES - len(zoo))
    return [*zoo, *(candidate.source for candidate in fractals)]


def fresh(source: str) -> int:
    """Parameters of a network, screened in a process of its own."""
    command = [sys.executable, "-c", FRESH]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    return int(done.stdout)


def screened(engine: Engine, files: list[str], kind: Task) -> list[Facts]:
    """The facts of all files, as many at a time as the engine has workers."""
    futures = [engine.submit(Screen.at_sizes(source, kind)) for source in files]
    return [future.result().facts for future in futures]


def main() -> None:
    """Run both and compare."""
    files, kind, at_once = sources(), task(TASK), cpus()
    with LocalEngine(Limits(), workers=at_once) as engine:
        screened(engine, files[:4], kind)  # both start warm
        started = time.perf_counter()
        facts = screened(engine, files, kind)
        ours = time.perf_counter() - started
    with ThreadPoolExecutor(at_once) as pool:
        fresh(files[0])
        started = time.perf_counter()
        counts = list(pool.map(fresh, files))
        theirs = time.perf_counter() - started
    assert counts == [each.parameters for each in facts]
    work = sum(each.seconds for each in facts)
    print(f"{len(files)} files, {at_once} at once, one thread each")
    print(f"forked, isolated   {len(files) / ours:6.2f} candidates/s")
    print(f"fresh process      {len(files) / theirs:6.2f} candidates/s")
    print(f"ratio              {theirs / ours:6.1f}")
    print(
        f"of our {ours * at_once:.1f} worker-seconds, {work:.1f} are the networks' own: "
        "build, forward, backward, recorded forward"
    )


if __name__ == "__main__":
    main()
