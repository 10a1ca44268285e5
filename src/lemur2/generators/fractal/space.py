"""The fractal space: every blueprint has an index within its cell of depth and columns."""

import random
from dataclasses import dataclass, field
from itertools import permutations, product

from lemur2.generators.fractal.blueprint import Blueprint, Layer
from lemur2.generators.fractal.permutation import permuted

ACTIVATIONS = ("ReLU", "LeakyReLU", "ELU", "GELU", "SiLU")
POOLINGS = ("MaxPool2d", "AvgPool2d")
GROWTHS = (1, 2)

Cell = tuple[int, int]  # depth, columns


def unit_orders() -> list[tuple[Layer, ...]]:
    """Every order of a convolution and any of the other three kinds of layer: 49."""
    layers: tuple[Layer, ...] = ("convolution", "normalization", "activation", "dropout")
    orders = [o for length in range(1, 5) for o in permutations(layers, length)]
    return [order for order in orders if "convolution" in order]


def units() -> list[tuple[tuple[Layer, ...], str | None]]:
    """Every order with every kind of activation, where it has one: 201."""
    return [
        (order, activation)
        for order in unit_orders()
        for activation in (ACTIVATIONS if "activation" in order else (None,))
    ]


_UNITS = units()


@dataclass(frozen=True, kw_only=True)
class FractalSpace:
    """The blueprints of the given depths, columns and widths, budget or not.

    A blueprint is `cell` and an index below `size(cell)`: mixed radix over unit, width, growth
    and pooling. No two of them give the same network.
    """

    depths: tuple[int, ...]
    columns: tuple[int, ...]
    widths: tuple[int, ...]
    drop_path: float = 0.0

    @property
    def cells(self) -> list[Cell]:
        """Every combination of depth and columns."""
        return list(product(self.depths, self.columns))

    def size(self, cell: Cell) -> int:
        """How many blueprints the cell has."""
        return len(_UNITS) * len(self.widths) * len(self._growths(cell)) * len(POOLINGS)

    def blueprint(self, cell: Cell, index: int) -> Blueprint:
        """The blueprint of this index, 0 <= index < size(cell)."""
        index, unit = divmod(index, len(_UNITS))
        index, width = divmod(index, len(self.widths))
        pooling, growth = divmod(index, len(self._growths(cell)))
        layers, activation = _UNITS[unit]
        depth, columns = cell
        return Blueprint(
            depth=depth,
            columns=columns,
            layers=layers,
            activation=activation,
            pooling=POOLINGS[pooling],
            width=self.widths[width],
            growth=self._growths(cell)[growth],
            drop_path=self.drop_path if columns > 1 else 0.0,  # one column has no join
        )

    def _growths(self, cell: Cell) -> tuple[int, ...]:
        return GROWTHS if cell[0] > 1 else GROWTHS[:1]  # one block has nothing to grow into


@dataclass(kw_only=True)
class StratifiedSample:
    """Walks a space without replacement: cell after cell in turn, each in its own random order.

    All that changes is how far each cell has been walked and whose turn it is.

    Attributes:
        space: What is sampled.
        seed: Of the order of the cells and of the order within each.
        max_parameters: Blueprints with more (at 3 channels and 10 classes) are passed over.
        max_multiplications: Likewise (for an image of 3 x 32 x 32).
        walked: Positions of each cell's order that are done, in the order of the cells.
        turn: Index of the cell that is next.
    """

    space: FractalSpace
    seed: int
    max_parameters: int
    max_multiplications: int
    walked: list[int] = field(default_factory=list)
    turn: int = 0

    def __post_init__(self) -> None:
        self._cells = self.space.cells
        random.Random(f"cells/{self.seed}").shuffle(self._cells)
        self.walked = self.walked or [0] * len(self._cells)

    def next(self) -> Blueprint | None:
        """The next blueprint within budget; None where all have been given."""
        for _ in self._cells:
            cell = self.turn
            self.turn = (self.turn + 1) % len(self._cells)
            blueprint = self._next_of(cell)
            if blueprint is not None:
                return blueprint
        return None

    def _next_of(self, position: int) -> Blueprint | None:
        """The cell's next blueprint within budget; None where the cell is finished."""
        cell = self._cells[position]
        size = self.space.size(cell)
        key = f"{self.seed}/{cell[0]}/{cell[1]}"
        while self.walked[position] < size:
            index = permuted(self.walked[position], size, key)
            self.walked[position] += 1
            blueprint = self.space.blueprint(cell, index)
            if self._within_budget(blueprint):
                return blueprint
        return None

    def _within_budget(self, blueprint: Blueprint) -> bool:
        return (
            blueprint.parameters(channels=3, classes=10) <= self.max_parameters
            and blueprint.multiplications(channels=3, size=32) <= self.max_multiplications
        )
