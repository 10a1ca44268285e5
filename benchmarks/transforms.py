"""Brute-force transforms: how fast they are proposed, and how fast they are screened.

    python benchmarks/transforms.py                 # 6,000 proposed; 240 of them screened
    python benchmarks/transforms.py --screen 6000

Proposing is compared with the goal (6,000 in minutes), screening with its limit: a process that
imports torch and torchvision for each transform, before it has done anything.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter

from lemur2.architecture import Candidate, TransformSource, zoo_source
from lemur2.evaluation import Protocol
from lemur2.evaluation.engines import LocalEngine
from lemur2.evaluation.evaluate import Evaluation
from lemur2.evaluation.plan import Plan
from lemur2.generators.transforms import TransformsConfig, TransformsGenerator

COUNT = 6000


def main() -> None:
    """Propose, then screen every k-th."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screen", type=int, default=240, help="how many to screen")
    parser.add_argument("--dataset", default="mnist-5k")
    options = parser.parse_args()
    config = TransformsConfig(network="ResNet8", sides=(32,), image_side=28)
    started = time.process_time()
    candidates = list(TransformsGenerator(config, 0).ask(COUNT))
    proposed = time.process_time() - started
    digests = {TransformSource.parse(each.source).digest for each in candidates}
    print(
        f"{len(candidates)} proposed, {len(digests)} distinct: {proposed:.2f} s CPU, "
        f"{len(candidates) / proposed:,.0f} a second, {60 / proposed:.0f} times in a minute"
    )
    screen(candidates[:: max(1, COUNT // options.screen)], options.dataset)


def screen(candidates: list[Candidate], dataset: str) -> None:
    """Screen in one worker at a time; verdicts, CPU seconds, and those of a fresh process."""
    plan = Plan.of(Protocol(dataset=dataset))
    network, verdicts = zoo_source("ResNet8"), Counter[str]()
    before = os.times()
    with LocalEngine(workers=1) as engine:
        for number, candidate in enumerate(candidates):
            asked = Evaluation(
                candidate=candidate,
                name=f"t{number}",
                digest="",
                plan=plan,
                network=network,
                max_flops=0,
            )
            outcome = engine.evaluate(asked).result()
            verdicts[str(outcome.verdict)] += 1
            if outcome.reason:
                print(f"{candidate.parameters['operations']}: {outcome.reason}")
    each = _cpu_since(before) / len(candidates)
    before = os.times()
    subprocess.run([sys.executable, "-c", "import torch, torchvision"], check=True)
    fresh = _cpu_since(before)
    print(
        f"{len(candidates)} screened, {dict(verdicts)}: {1000 * each:.0f} ms CPU each, starting "
        f"included; a fresh process {1000 * fresh:.0f} ms: {fresh / each:.1f} times as much"
    )


def _cpu_since(before: os.times_result) -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4]) - sum(before[:4])


if __name__ == "__main__":
    main()
