"""One point of the fractal space, and what follows from it in closed form."""

from dataclasses import dataclass
from typing import Literal

Layer = Literal["convolution", "normalization", "activation", "dropout"]

KERNEL = 3  # pixels a side, of every convolution
MIN_POOLED = 4  # pixels a side: smaller maps are not pooled, so batch statistics have >= 4 values


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """Everything that distinguishes one fractal network from another.

    Attributes:
        depth: Fractal blocks, N in the paper. Each is followed by 2x2 pooling until the feature
            map has less than 4 pixels a side.
        columns: Parallel paths of a block, C; the longest has 2**(C-1) units one after another.
        layers: A unit's layers in order. A convolution is always among them.
        activation: The class in torch.nn, None where no layer is an activation.
        pooling: The class in torch.nn.
        width: Channels of the first block.
        growth: Factor from each block's channels to the next one's.
        drop_path: Probability that a join drops one of its inputs, for each sample, in training.
    """

    depth: int
    columns: int
    layers: tuple[Layer, ...]
    activation: str | None
    pooling: str
    width: int
    growth: int
    drop_path: float = 0.0

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each block."""
        return tuple(self.width * self.growth**block for block in range(self.depth))

    @property
    def bias(self) -> bool:
        """Whether convolutions add a bias: not where a normalization right after removes it."""
        after = self.layers[self.layers.index("convolution") + 1 :]
        return after[:1] != ("normalization",)

    @property
    def normalizes_inputs(self) -> bool:
        """Whether a unit normalizes before its convolution, so the unit's inputs."""
        before = self.layers[: self.layers.index("convolution")]
        return "normalization" in before

    def parameters(self, channels: int, classes: int) -> int:
        """Parameters of the network, exactly, for images of so many channels."""
        total = 0
        for inputs, outputs in self._blocks(channels):
            first, others = self._units()
            total += first * self._unit_parameters(inputs, outputs)
            total += others * self._unit_parameters(outputs, outputs)
        return total + (self.widths[-1] + 1) * classes

    def multiplications(self, channels: int, size: int) -> int:
        """Multiplications in the convolutions for one image of `size` pixels a side."""
        total = 0
        for inputs, outputs in self._blocks(channels):
            first, others = self._units()
            total += size**2 * KERNEL**2 * outputs * (first * inputs + others * outputs)
            size = size // 2 if size >= MIN_POOLED else size
        return total

    def _blocks(self, channels: int) -> list[tuple[int, int]]:
        """Channels in and out of each block."""
        return list(zip((channels, *self.widths), self.widths, strict=False))

    def _units(self) -> tuple[int, int]:
        """How many units of a block take the block's input, and how many its own channels.

        By the expansion rule each column adds one of the former, and doubles all units and adds
        one: C of 2**C - 1.
        """
        return self.columns, 2**self.columns - 1 - self.columns

    def _unit_parameters(self, inputs: int, outputs: int) -> int:
        convolution = KERNEL**2 * inputs * outputs + self.bias * outputs
        if "normalization" not in self.layers:
            return convolution
        return convolution + 2 * (inputs if self.normalizes_inputs else outputs)
