"""Search spaces as data: genes with their values, a baseline, and which genes are expressed.

A vector holds, for each gene, the index of one of its values. The two spaces are those of section
7.1 of the paper's supplement; the values take in those of its published networks. What the paper
does not give (the values themselves, which blocks are pooled) is settled here and in decision 040.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lemur2.errors import UsageError

Vector = tuple[int, ...]
Values = Mapping[str, Any]

BLOCKS = 5
POOLED = (1, 2, 5)  # AlexNet pools after its first, second and last convolution
TRAINING = ("lr", "momentum", "dropout")  # genes that say how to train, not what


@dataclass(frozen=True, kw_only=True)
class Gene:
    """One parameter.

    Attributes:
        name: Unique in its space.
        values: What it can be; at least one.
        baseline: AlexNet's value, one of them.
        ordered: Whether neighbours in `values` are alike: mutation then prefers small steps.
    """

    name: str
    values: tuple[Any, ...]
    baseline: Any
    ordered: bool = True


@dataclass(frozen=True, kw_only=True)
class Space:
    """What there is to search.

    Attributes:
        name: For the command line.
        genes: In the order of the vectors.
        dormant: From values by name, the names of the genes that change nothing then.
        sound: Whether values by name are of the space at all.
    """

    name: str
    genes: tuple[Gene, ...]
    dormant: Callable[[Values], frozenset[str]] = lambda values: frozenset()
    sound: Callable[[Values], bool] = lambda values: True

    @property
    def baseline(self) -> Vector:
        """AlexNet's vector."""
        return tuple(gene.values.index(gene.baseline) for gene in self.genes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each gene has."""
        return tuple(len(gene.values) for gene in self.genes)

    @property
    def size(self) -> int:
        """How many vectors there are, those that express the same network counted apart."""
        return math.prod(self.sizes)

    def values(self, vector: Sequence[int]) -> dict[str, Any]:
        """A vector's values by name."""
        return {g.name: g.values[i] for g, i in zip(self.genes, vector, strict=True)}

    def vector(self, values: Values) -> Vector:
        """The vector with these values; genes that are not named keep the baseline's.

        Raises:
            ValueError: A value is not one of its gene's.
        """
        return tuple(g.values.index(values.get(g.name, g.baseline)) for g in self.genes)

    def expressed(self, vector: Sequence[int]) -> Vector:
        """The same network's vector with the baseline in every dormant gene: what counts as one."""
        dormant = self.dormant(self.values(vector))
        pairs = zip(self.genes, vector, self.baseline, strict=True)
        return tuple(base if g.name in dormant else int(i) for g, i, base in pairs)

    def is_sound(self, vector: Sequence[int]) -> bool:
        """Whether the space has this vector."""
        return self.sound(self.values(vector))


def _basic_genes() -> list[Gene]:
    return [
        Gene(name="conv1_filters", values=(32, 48, 64, 96), baseline=64),
        Gene(name="conv1_kernel", values=(3, 5, 7, 9, 11), baseline=11),
        Gene(name="conv1_stride", values=(1, 2, 3, 4), baseline=4),
        Gene(name="conv2_filters", values=(96, 128, 192, 256), baseline=192),
        Gene(name="conv2_kernel", values=(3, 5, 7), baseline=5),
        Gene(name="conv3_filters", values=(192, 256, 384, 440), baseline=384),
        Gene(name="conv4_filters", values=(192, 256, 384), baseline=256),
        Gene(name="conv5_filters", values=(128, 192, 256), baseline=256),
        Gene(name="fc1_neurons", values=(1024, 2048, 3072, 4096), baseline=4096),
        Gene(name="fc2_neurons", values=(1024, 2048, 3072, 4096), baseline=4096),
        Gene(name="lr", values=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05), baseline=0.01),
        Gene(name="momentum", values=(0.8, 0.85, 0.9, 0.95), baseline=0.9),
        Gene(name="dropout", values=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), baseline=0.5),
    ]


def _block_genes() -> list[Gene]:
    kernels = (3, 5, 7, 9, 11)
    activations = ("ReLU", "LeakyReLU", "ELU", "GELU", "SiLU")
    poolings = ("MaxPool2d", "AvgPool2d", "AdaptiveMaxPool2d", "AdaptiveAvgPool2d")
    return [
        *(g for g in _basic_genes() if g.name != "conv2_kernel"),
        Gene(name="conv2_kernel", values=kernels, baseline=5),
        *(Gene(name=f"conv{n}_kernel", values=kernels, baseline=3) for n in (3, 4, 5)),
        *(Gene(name=f"include_conv{n}", values=(False, True), baseline=True) for n in _BLOCKS),
        *(
            Gene(name=f"pooling{n}", values=poolings, baseline="MaxPool2d", ordered=False)
            for n in POOLED
        ),
        Gene(name="activation", values=activations, baseline="ReLU", ordered=False),
        Gene(name="batchnorm", values=(False, True), baseline=False),
        Gene(name="residual", values=(False, True), baseline=False),
    ]


_BLOCKS = range(1, BLOCKS + 1)


def _block_dormant(values: Values) -> frozenset[str]:
    """What belongs to a block that is left out."""
    left_out = [n for n in _BLOCKS if not values[f"include_conv{n}"]]
    parts = ("conv{}_filters", "conv{}_kernel", "conv{}_stride", "pooling{}")
    names = {part.format(n) for n in left_out for part in parts}
    if not any(values[f"include_conv{n}"] for n in _BLOCKS if n not in POOLED):
        names.add("residual")  # it is around the blocks that are not pooled
    return frozenset(names)


def _has_a_block(values: Values) -> bool:
    return any(values[f"include_conv{n}"] for n in _BLOCKS)


BASIC = Space(name="basic", genes=tuple(_basic_genes()))
BLOCK = Space(name="block", genes=tuple(_block_genes()), dormant=_block_dormant, sound=_has_a_block)
SPACES = {space.name: space for space in (BASIC, BLOCK)}


def space(name: str) -> Space:
    """The space of this name. Raises UsageError."""
    if name not in SPACES:
        raise UsageError(f"there is no space {name!r}; use {' or '.join(SPACES)}")
    return SPACES[name]
