"""From a design to a source file that a person can read."""

from __future__ import annotations

from textwrap import indent

from lemur2.generators.genetic.design import GRID, Block, Design
from lemur2.generators.genetic.space import BLOCKS


def write_source(design: Design, space: str) -> str:
    """The network's complete file. Only what the network uses is written.

    Args:
        design: Which network.
        space: Name of the space that it comes from, for the file's heading.
    """
    parts = [_head(design, space)]
    if any(block.residual for block in design.blocks):
        parts.append(_RESIDUAL)
    parts.append("\n\n".join([_constructor(design), _FORWARD, _TRAIN_SETUP, _LEARN]))
    return "\n\n\n".join(parts) + "\n"


def _head(design: Design, space: str) -> str:
    training = ", ".join(f'"{name}": {value}' for name, value in design.training.items())
    names = ", ".join(f'"{name}"' for name in design.training)
    return f'''\
"""A network in the manner of AlexNet, found by genetic search in the {space} space.

{_summary(design)}
"""

from collections.abc import Iterable

import torch
from torch import nn

# What it was found to train well with; `prm` has the last word.
TRAINING = {{{training}}}


def supported_hyperparameters() -> set[str]:
    """What `prm` may hold."""
    return {{{names}}}'''


def _summary(design: Design) -> str:
    left_out = [n for n in range(1, BLOCKS + 1) if n not in {b.number for b in design.blocks}]
    said = [f"{len(design.blocks)} of {BLOCKS} convolutions"]
    if left_out:
        said[0] += f" (without {', '.join(map(str, left_out))})"
    said.append(f"kernels {', '.join(str(block.kernel) for block in design.blocks)}")
    said.append(design.activation)
    if design.batchnorm:
        said.append("batch normalization")
    return "; ".join(said) + "."


_RESIDUAL = '''\
class Residual(nn.Module):
    """Adds a block's input to its output, by a 1x1 convolution where channels differ."""

    def __init__(self, block: nn.Module, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = block
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x) + self.shortcut(x)'''


def _constructor(design: Design) -> str:
    blocks = "\n".join(_block(block, design) for block in design.blocks)
    last, (first, second) = design.blocks[-1].filters, design.neurons
    activation = f"nn.{design.activation}()"
    return f'''\
class Net(nn.Module):
    """Convolutions, pooled on the way, then three fully connected layers."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        dropout = prm.get("dropout", TRAINING["dropout"])
        side = min(in_shape[2:])  # of the feature map: rounded up, so it never vanishes
        layers: list[nn.Module] = []
{indent(blocks, " " * 8)}
        self.features = nn.Sequential(*layers)
        grid = min(side, {GRID})
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear({last} * grid * grid, {first}),
            {activation},
            nn.Dropout(dropout),
            nn.Linear({first}, {second}),
            {activation},
            nn.Linear({second}, out_shape[0]),
        ){"" if design.batchnorm else _INITIALIZATION}'''


def _block(block: Block, design: Design) -> str:
    """The statements that add a block and keep count of the feature map's side."""
    inputs = block.inputs or "in_shape[1]"
    stride = f", stride={block.stride}" if block.stride > 1 else ""
    bias = ", bias=False" if design.batchnorm else ""
    parts = [
        f"nn.Conv2d({inputs}, {block.filters}, kernel_size={block.kernel}{stride}, "
        f"padding={block.kernel // 2}{bias})"
    ]
    if design.batchnorm:
        parts.append(f"nn.BatchNorm2d({block.filters})")
    parts.append(f"nn.{design.activation}()")
    if block.residual:
        parts = [f"Residual(nn.Sequential({', '.join(parts)}), {inputs}, {block.filters})"]
    counted = [f"side = -(-side // {block.stride})"] if block.stride > 1 else []
    if block.grid is not None:
        counted.append(f"side = min(side, {block.grid})")
        pool = f"nn.{block.pooling}(side)"
    elif block.pooling:
        counted.append("side = -(-side // 2)")
        pool = f"nn.{block.pooling}(2, ceil_mode=True)"
    else:
        return _added(block, parts, counted)
    return _added(block, [*parts, pool], counted)


def _added(block: Block, parts: list[str], counted: list[str]) -> str:
    lines = [f"# Convolution {block.number}", *counted, "layers += ["]
    return "\n".join([*lines, *(f"    {part}," for part in parts), "]"])


_INITIALIZATION = """
        # Without normalization layers the signal fades on its way, but for He's scaling.
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")"""

_FORWARD = """\
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.pool(self.features(x)))"""

_TRAIN_SETUP = """\
    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        training = {**TRAINING, **prm}
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=training["lr"], momentum=training["momentum"]
        )"""

_LEARN = """\
    def learn(self, train_data: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), max_norm=3.0)
            self.optimizer.step()"""
