"""What a busy machine costs: verbs of the command line alone, and beside two busy loops.

    python benchmarks/busy.py [VERB...]

Each verb runs once alone and once beside two processes that compute without end, both in a folder
of its own. Printed are both wall times and their ratio; beside as many busy loops as there are
CPUs a fair scheduler gives half, so a ratio of 2 is what the verb's share costs, and 3 is the
bound. A verb that fails ends the benchmark.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ZOO = Path(__file__).parents[1] / "src/lemur2/zoo/img-classification"
FILES = (
    *("AlexNet", "BagNet", "DenseNet121", "LeNet", "MNASNet", "MobileNetV2", "ResNet8"),
    *("ResNet20", "ResNet18", "SqueezeNet"),
)
VERBS = {
    "screening": ["check", *(str(ZOO / f"{name}.py") for name in FILES)],
    "mutation": ["generate", "mutation", "-n", "2", "--parent", "ResNet20", "--out", "mutants"],
    "training": ["train", "LeNet", "--dataset", "mnist-5k", "--epochs", "1"],
    "generation": [
        *("generate", "fewshot", "--llm", "embedded", "--mode", "layers", "-n", "2"),
        *("--max-tokens", "300", "--out", "written"),
    ],
}
LOOPS = 2
BOUND = 3.0


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many processes that compute without end, until the block ends."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def seconds(verb: str) -> float:
    """Wall time of a verb in a new folder, with its corpus in it."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LEMUR2_DB": f"{folder}/corpus.db"}
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "lemur2", *VERBS[verb]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        taken = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{verb}: {done.stderr.strip() or done.stdout.strip()}")
    return taken


def main(verbs: list[str]) -> None:
    """Measure the verbs, all by default."""
    if unknown := set(verbs) - set(VERBS):
        sys.exit(f"no verb {', '.join(unknown)}; there are {', '.join(VERBS)}")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} CPUs, load {load:.1f} before, {LOOPS} busy loops; bound {BOUND:g}")
    print(f"{'verb':<12}{'alone':>9}{'busy':>9}{'ratio':>8}", flush=True)
    for verb in verbs or list(VERBS):
        alone = seconds(verb)
        with busy(LOOPS):
            beside = seconds(verb)
        print(f"{verb:<12}{alone:>7.1f} s{beside:>7.1f} s{beside / alone:>8.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
