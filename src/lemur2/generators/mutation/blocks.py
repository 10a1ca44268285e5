"""Blocks that insertions bring along: their source, put in front of the network's class."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lemur2.generators.mutation.code_mutator import Edit

if TYPE_CHECKING:
    from lemur2.generators.mutation.parent import Parent

_SOURCES = {
    "SqueezeExcite": '''class {name}({nn}.Module):
    """Channel attention: a gate for each channel from the mean of all (Hu et al., 2018)."""

    def __init__(self, channels, reduction=4):
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.squeeze = {nn}.AdaptiveAvgPool2d(1)
        self.excite = {nn}.Sequential(
            {nn}.Conv2d(channels, hidden, 1),
            {nn}.ReLU(),
            {nn}.Conv2d(hidden, channels, 1),
            {nn}.Sigmoid(),
        )

    def forward(self, x):
        return x * self.excite(self.squeeze(x))


''',
    "ConvBlockAttention": '''class {name}({nn}.Module):
    """Attention over channels, then over places (CBAM, Woo et al., 2018)."""

    def __init__(self, channels, reduction=4, kernel_size=7):
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.channel = {nn}.Sequential(
            {nn}.Conv2d(channels, hidden, 1),
            {nn}.ReLU(),
            {nn}.Conv2d(hidden, channels, 1),
        )
        self.spatial = {nn}.Conv2d(2, 1, kernel_size, padding=kernel_size // 2)

    def forward(self, x):
        mean, most = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * (self.channel(mean) + self.channel(most)).sigmoid()
        mean, most = x.mean(1, keepdim=True), x.amax(1, keepdim=True)
        return x * self.spatial({torch}.cat([mean, most], 1)).sigmoid()


''',
    "ResidualConv": '''class {name}({nn}.Module):
    """A convolution that adds to what comes in."""

    def __init__(self, channels):
        super().__init__()
        self.conv = {nn}.Conv2d(channels, channels, 3, padding=1)
        self.act = {nn}.ReLU()

    def forward(self, x):
        return x + self.act(self.conv(x))


''',
}


def definition(parent: Parent, block: str, nn: str) -> tuple[str, Edit | None]:
    """A block's name in the file, and the edit that brings it; None where it is there already."""
    source = parent.code.source
    torch = parent.trace.names.get("torch", "torch")
    written = _SOURCES[block].replace("{nn}", nn).replace("{torch}", torch)
    name, number = block, 1
    while re.search(rf"\b{name}\b", source):
        if written.replace("{name}", name) in source.replace("\r\n", "\n"):
            return name, None
        number += 1
        name = f"{block}{number}"
    line = _line_of_net(source)
    return name, Edit((line, 0, line, 0), written.replace("{name}", name))


def _line_of_net(source: str) -> int:
    """The line that `class Net` begins at, its decorators and comments left above it."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", source), 1):
        if re.match(r"class\s+Net\b", line):
            return number
    raise AssertionError("a network's file has a class Net")
