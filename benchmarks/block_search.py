"""Search of blocks: by words alone, and with an embedding model, on questions with one answer.

    python benchmarks/block_search.py

The library is the starting one, torchvision's building blocks. Prints the rank of the answer for
each question, and the mean reciprocal rank with and without meaning, and their ratio.
"""

from __future__ import annotations

from statistics import mean

from lemur2.evaluation.library.starter import default_library
from lemur2.retrieval.library.search import search
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.places import library_path

ANSWERS = {
    "reweight channels by global context": "SqueezeExcitation",
    "drop whole residual branches at random": "StochasticDepth",
    "attention within shifted local windows": "ShiftedWindowAttention",
    "inverted bottleneck with depthwise convolution": "InvertedResidual",
    "multi layer perceptron": "MLP",
    "squeeze with 1x1 then expand with 1x1 and 3x3": "Fire",
    "drop contiguous regions of a feature map": "DropBlock2d",
    "batch norm with fixed statistics": "FrozenBatchNorm2d",
    "change the order of dimensions": "Permute",
    "convolution followed by normalization and activation": "Conv2dNormActivation",
    "densely connected layer concatenating features": "_DenseLayer",
    "feature pyramid merging several resolutions": "FeaturePyramidNetwork",
    "relative position bias attention": "RelativePositionalMultiHeadAttention",
    "split channels and shuffle": "ShuffleNetV2",
}


def main() -> None:
    """Ask every question both ways."""
    place = default_library(library_path().with_name("none.db"))
    found: dict[bool, list[float]] = {False: [], True: []}
    with BlockLibrary(place) as library:
        total = sum(library.counts().values())
        print(f"{len(ANSWERS)} questions, {total} blocks; rank by words, with meaning")
        for question, answer in ANSWERS.items():
            ranks = []
            for meaning, inverse in found.items():
                hits = search(library, question, limit=total, meaning=meaning)
                names = [hit.entry.name for hit in hits]
                rank = names.index(answer) + 1 if answer in names else total
                inverse.append(1 / rank)
                ranks.append(rank)
            print(f"  {ranks[0]:3d} {ranks[1]:3d}  {question}: {answer}")
    words, meant = mean(found[False]), mean(found[True])
    print(f"mean reciprocal rank: {words:.3f} by words, {meant:.3f} with meaning")
    print(f"ratio {meant / words:.2f}")


if __name__ == "__main__":
    main()
