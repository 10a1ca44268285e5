"""Images per second of the training input pipeline against a torch DataLoader over PIL images.

    python benchmarks/input_pipeline.py [--seconds 2] [--rounds 5]

Both sides give shuffled, transformed batches of 64 from the same arrays by the same transform
source. The DataLoader has two worker processes, kept alive between epochs; ours runs in this one
process, on one thread, its deterministic prefix computed before (that time is shown). The two
take turns in one run, so that a busy machine slows both; the ratio is of their medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lemur2.datasets import prepare
from lemur2.transforms import transform_source
from lemur2.transforms.pipeline import Pipeline

BATCH = 64
NORM = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
OTHERS = """
from torchvision import transforms

def transform(norm):
    return transforms.Compose([
        {},
        transforms.ToTensor(),
        transforms.Normalize(*norm),
    ])
"""
CROP = "transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()"
JITTER = "transforms.ColorJitter(0.2, 0.2, 0.2), transforms.RandomRotation(15)"
RESIZED = "transforms.RandomResizedCrop(32), transforms.RandomHorizontalFlip()"


class PilImages(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """The peer: PIL images through the torchvision Compose, one at a time."""

    def __init__(self, inputs: np.ndarray, targets: np.ndarray, transform: Any) -> None:
        arrays = inputs.transpose(0, 2, 3, 1)
        if arrays.shape[-1] == 1:
            arrays = arrays[..., 0]
        self.images = [Image.fromarray(np.ascontiguousarray(array)) for array in arrays]
        self.targets = targets
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), int(self.targets[index])


def ours(inputs: np.ndarray, targets: np.ndarray, pipeline: Pipeline) -> Iterator[Any]:
    """One shuffled epoch by our pipeline."""
    order = np.random.default_rng().permutation(len(inputs))
    generator = torch.Generator()
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        yield (
            pipeline.train(torch.from_numpy(inputs[rows]), generator),
            torch.from_numpy(targets[rows]),
        )


def speed(epochs: Iterable[Iterable[Any]], seconds: float) -> float:
    """Images per second over whole epochs, for at least so long."""
    begin, images = time.perf_counter(), 0
    for epoch in epochs:
        images += sum(len(batch[0]) for batch in epoch)
        elapsed = time.perf_counter() - begin
        if elapsed >= seconds:
            return images / elapsed
    raise AssertionError("an endless iterable ended")


def endless(make: Any) -> Iterator[Any]:
    """`make()` for ever."""
    while True:
        yield make()


def compare(
    label: str, inputs: np.ndarray, source: str, norm: Any, seconds: float, rounds: int
) -> None:
    """Print one line: ours, the peer's, the ratio."""
    targets = np.zeros(len(inputs), dtype=np.int64)
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    peer = torch.utils.data.DataLoader(
        PilImages(inputs, targets, namespace["transform"](norm)),
        batch_size=BATCH,
        shuffle=True,
        num_workers=2,
        persistent_workers=True,
    )
    begin = time.perf_counter()
    computed, pipeline = Pipeline(source, *norm).with_prefix_computed(inputs)
    once = time.perf_counter() - begin
    speed([peer], 0.0), speed([ours(computed, targets, pipeline)], 0.0)  # warm both
    figures: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(rounds):
        figures["peer"].append(speed(endless(lambda: peer), seconds))
        epochs = endless(lambda: ours(computed, targets, pipeline))
        figures["ours"].append(speed(epochs, seconds))
    mine, theirs = (statistics.median(figures[side]) for side in ("ours", "peer"))
    print(
        f"{label:34} ours {mine:9,.0f}/s  DataLoader {theirs:7,.0f}/s  "
        f"ratio {mine / theirs:6.1f}  (prefix once: {once:.2f} s)"
    )


def main() -> None:
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each side and round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        digits = prepare("mnist-5k", cache=Path(folder))
        mnist, mnist_norm = np.array(digits.inputs("train")), (digits.spec.mean, digits.spec.std)
    colour = np.random.default_rng(0).integers(0, 256, (5000, 3, 32, 32), dtype=np.uint8)
    for label, inputs, source, norm in (
        ("norm_32_flip, mnist-5k", mnist, transform_source("norm_32_flip").source, mnist_norm),
        ("norm_flip, 3x32x32", colour, transform_source("norm_flip").source, NORM),
        ("norm_64_flip, 3x32x32", colour, transform_source("norm_64_flip").source, NORM),
        ("norm_128_flip, 3x32x32", colour, transform_source("norm_128_flip").source, NORM),
        ("complex_32_flip, 3x32x32", colour, transform_source("complex_32_flip").source, NORM),
        ("crop and flip, 3x32x32", colour, OTHERS.format(CROP), NORM),
        ("resized crop and flip, 3x32x32", colour, OTHERS.format(RESIZED), NORM),
        ("jitter and rotation, 3x32x32", colour, OTHERS.format(JITTER), NORM),
    ):
        compare(label, inputs, source, norm, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
