"""What a vector of the AlexNet-style spaces builds: layers, shapes and counts in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from lemur2.generators.genetic.space import BLOCKS, POOLED, Values

GRID = 6  # pixels a side that the classifier sees at most, as in AlexNet
ADAPTIVE_GRIDS = {1: 12, 2: 6, 5: 3}  # block: pixels a side that adaptive pooling leaves, at most
ADAPTIVE = "Adaptive"


@dataclass(frozen=True, kw_only=True)
class Block:
    """A convolution and what follows it.

    Attributes:
        number: 1 to 5, its place in AlexNet.
        inputs: Channels; None for those of the image.
        filters, kernel, stride: Of the convolution, which is padded by half its kernel.
        pooling: The class in torch.nn; None where nothing is pooled.
        residual: Its input is added to what its activation gives.
    """

    number: int
    inputs: int | None
    filters: int
    kernel: int
    stride: int
    pooling: str | None
    residual: bool

    @property
    def grid(self) -> int | None:
        """Pixels a side that adaptive pooling leaves at most; None where it is not adaptive."""
        adaptive = self.pooling is not None and self.pooling.startswith(ADAPTIVE)
        return ADAPTIVE_GRIDS[self.number] if adaptive else None

    def after_convolution(self, side: int) -> int:
        """Pixels a side after the convolution: halved padding makes it ceil(side / stride)."""
        return -(-side // self.stride)

    def after(self, side: int) -> int:
        """Pixels a side after the block; never less than 1, since pooling keeps the remainder."""
        side = self.after_convolution(side)
        if self.grid is not None:
            return min(side, self.grid)
        return -(-side // 2) if self.pooling else side


@dataclass(frozen=True, kw_only=True)
class Design:
    """A network of the family.

    Attributes:
        blocks: Those that are there, in order; at least one.
        neurons: Of the two hidden fully connected layers.
        activation: The class in torch.nn.
        batchnorm: Whether convolutions are normalized, and then have no bias.
        training: `lr`, `momentum`, `dropout`.
    """

    blocks: tuple[Block, ...]
    neurons: tuple[int, int]
    activation: str
    batchnorm: bool
    training: dict[str, float]

    @classmethod
    def of(cls, values: Values, scale: float = 1.0) -> Design:
        """The network that values of either space describe, with `scale` times the channels."""

        def scaled(count: int) -> int:
            return max(1, round(count * scale))

        blocks: list[Block] = []
        for number in range(1, BLOCKS + 1):
            if not values.get(f"include_conv{number}", True):
                continue
            pooling = values.get(f"pooling{number}", "MaxPool2d") if number in POOLED else None
            blocks.append(
                Block(
                    number=number,
                    inputs=blocks[-1].filters if blocks else None,
                    filters=scaled(values[f"conv{number}_filters"]),
                    kernel=values.get(f"conv{number}_kernel", 3),
                    stride=values.get(f"conv{number}_stride", 1),
                    pooling=pooling,
                    residual=pooling is None and values.get("residual", False),
                )
            )
        return cls(
            blocks=tuple(blocks),
            neurons=(scaled(values["fc1_neurons"]), scaled(values["fc2_neurons"])),
            activation=values.get("activation", "ReLU"),
            batchnorm=values.get("batchnorm", False),
            training={name: values[name] for name in ("lr", "momentum", "dropout")},
        )

    def sides(self, side: int) -> Iterator[int]:
        """Pixels a side after each block, for images of `side` pixels a side."""
        for block in self.blocks:
            side = block.after(side)
            yield side

    def grid(self, side: int) -> int:
        """Pixels a side that the classifier sees."""
        return min(GRID, [*self.sides(side)][-1])

    def parameters(self, channels: int, side: int, classes: int) -> int:
        """Parameters, exactly, for images of so many channels and pixels a side."""
        total = 0
        for block in self.blocks:
            inputs = block.inputs or channels
            total += block.kernel**2 * inputs * block.filters
            total += block.filters * (2 if self.batchnorm else 1)
            if block.residual and inputs != block.filters:
                total += inputs * block.filters
        widths = [self.blocks[-1].filters * self.grid(side) ** 2, *self.neurons, classes]
        return total + sum((a + 1) * b for a, b in pairwise(widths))

    def multiplications(self, channels: int, side: int, classes: int) -> int:
        """Multiplications in convolutions and fully connected layers, for one such image."""
        total = 0
        for block, left in zip(self.blocks, self.sides(side), strict=True):
            inputs = block.inputs or channels
            area = block.after_convolution(side) ** 2
            total += area * block.kernel**2 * inputs * block.filters
            if block.residual and inputs != block.filters:
                total += area * inputs * block.filters
            side = left
        widths = [self.blocks[-1].filters * min(GRID, side) ** 2, *self.neurons, classes]
        return total + sum(a * b for a, b in pairwise(widths))
