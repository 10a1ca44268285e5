"""The text of a network that is made of blocks."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from lemur2.architecture.syntax import parse
from lemur2.generators.retrieval.fitting import Piece
from lemur2.generators.retrieval.merging import Merger

_IMPORTS = """\
from functools import partial
from types import SimpleNamespace

import torch
from torch import nn
"""

_FITTED = '''
class Fitted(nn.Module):
    """A block between adapters: maps of any size and channels in, the same size out.

    `form` and `returned` say how the block's input and output are read: "map" (channels, height,
    width), "last" (height, width, channels), "tokens" (tokens, features), "vector" (features).
    `shape` is what the block takes, without the batch.
    """

    def __init__(self, block, keyword, form, shape, returned, features, inputs, outputs):
        super().__init__()
        self.block, self.keyword = block, keyword
        self.form, self.shape, self.returned = form, shape, returned
        self.enter = nn.Conv2d(inputs, shape[0] if form == "map" else shape[-1], 1)
        self.leave = nn.Sequential(nn.Conv2d(features, outputs, 1), nn.BatchNorm2d(outputs))
        self.short = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        size = self.size(x)
        y = self.given(self.enter(x))
        y = self.block(**{self.keyword: y}) if self.keyword else self.block(y)
        while not isinstance(y, torch.Tensor):
            y = y[0]
        y = nn.functional.interpolate(self.leave(self.read(y)), size=size)
        return y + nn.functional.adaptive_avg_pool2d(self.short(x), size)

    def size(self, x):
        """Height and width of the result."""
        return tuple(x.shape[-2:])

    def given(self, x):
        """A map as the block takes it."""
        if self.form == "vector":
            return x.mean(dim=(2, 3))
        if self.form == "tokens":
            side = max(1, int(self.shape[0] ** 0.5))
            x = nn.functional.adaptive_avg_pool2d(x, (side, side)).flatten(2)
            return nn.functional.adaptive_avg_pool1d(x, self.shape[0]).transpose(1, 2)
        size = self.shape[1:] if self.form == "map" else self.shape[:2]
        x = nn.functional.adaptive_avg_pool2d(x, tuple(size))
        return x if self.form == "map" else x.permute(0, 2, 3, 1)

    def read(self, y):
        """What the block gave, as a map."""
        if self.returned == "vector":
            return y[:, :, None, None]
        if self.returned == "tokens":
            side = int(y.shape[1] ** 0.5)
            y = y[:, : side * side].transpose(1, 2)
            return y.unflatten(2, (side, side))
        return y if self.returned == "map" else y.permute(0, 3, 1, 2)
'''

_REPLACING = '''
class Replacing(Fitted):
    """A block in the place of a convolution: its channels in and out, its size of the result."""

    def __init__(self, block, keyword, form, shape, returned, features, layer):
        channels = layer.in_channels, layer.out_channels
        super().__init__(block, keyword, form, shape, returned, features, *channels)
        self.kernel, self.stride = layer.kernel_size, layer.stride
        self.padding, self.dilation = layer.padding, layer.dilation
        self.in_channels, self.out_channels = channels

    def size(self, x):
        if isinstance(self.padding, str):
            valid = self.padding == "valid"
            around = [0 if valid else d * (k - 1) for k, d in zip(self.kernel, self.dilation)]
        else:
            around = [2 * p for p in self.padding]
        geometry = zip(x.shape[-2:], self.kernel, self.stride, around, self.dilation)
        return tuple((n + a - d * (k - 1) - 1) // s + 1 for n, k, s, a, d in geometry)
'''

_NET = '''
def supported_hyperparameters():
    return {{"lr", "momentum"}}


class Net(nn.Module):
    """{about}"""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        size = min(in_shape[2:])
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], {first}, 3, padding=1, bias=False),
            nn.BatchNorm2d({first}),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential()
{stages}
        self.head = nn.Linear({last}, out_shape[0])

    def forward(self, x):
        x = self.stages(self.stem(x))
        return self.head(x.mean(dim=(2, 3)))

    def train_setup(self, prm):
        self.to(self.device)
        self.criteria = nn.CrossEntropyLoss().to(self.device)
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"]
        )

    def learn(self, train_data):
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criteria(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3)
            self.optimizer.step()
'''


def compose(pieces: Sequence[Piece], widths: Sequence[int]) -> str:
    """A network with a stage for every piece.

    Args:
        pieces: The blocks, in their order.
        widths: Channels of each stage.

    Raises:
        ValueError: The blocks cannot stand in one file.
    """
    merger = Merger()
    blocks = [_added(merger, piece) for piece in pieces]
    merger.add(_IMPORTS + _FITTED)
    lines, channels = [], widths[0]
    for block, width in zip(blocks, widths, strict=True):
        lines.append(f"self.stages.append(Fitted({block}, {channels}, {width}))")
        lines.append("if size >= 8:")
        lines.append("    self.stages.append(nn.MaxPool2d(2))")
        lines.append("    size //= 2")
        channels = width
    names = ", ".join(piece.entry.name for piece in pieces)
    net = _NET.format(
        about=f"Stages of retrieved blocks: {names}.",
        first=widths[0],
        last=widths[-1],
        stages="\n".join(" " * 8 + line for line in lines),
    )
    merger.add(net)
    return merger.text()


def convolutions(source: str) -> list[ast.Call]:
    """The calls of `nn.Conv2d` in the class `Net` of a network, each inside its constructor."""
    found = []
    for node in parse(source).body:
        if isinstance(node, ast.ClassDef):
            found += [call for call in ast.walk(node) if _is_convolution(call)]
    return [call for call in found if isinstance(call, ast.Call)]


def replace(source: str, which: int, piece: Piece) -> str:
    """A network with one of its convolutions replaced by a block.

    Args:
        source: The network's text.
        which: Index of the convolution in `convolutions(source)`.
        piece: The block.

    Raises:
        ValueError: They cannot stand in one file.
    """
    call = convolutions(source)[which]
    merger = Merger()
    block = _added(merger, piece)
    merger.add(_IMPORTS + _FITTED + _REPLACING)
    changed = _wrapped(source, call, f"Replacing({block}, ")
    merger.add(changed)
    return merger.text()


def _wrapped(source: str, call: ast.Call, head: str) -> str:
    assert call.end_lineno is not None
    assert call.end_col_offset is not None
    lines = [line.encode() for line in source.split("\n")]
    end = lines[call.end_lineno - 1]
    lines[call.end_lineno - 1] = end[: call.end_col_offset] + b")" + end[call.end_col_offset :]
    start = lines[call.lineno - 1]
    lines[call.lineno - 1] = start[: call.col_offset] + head.encode() + start[call.col_offset :]
    return b"\n".join(lines).decode()


def _added(merger: Merger, piece: Piece) -> str:
    """Take a block's module in; the arguments of `Fitted` that it makes, up to its channels."""
    given = piece.entry.validation.arguments or {}
    arguments = ", ".join(f"{name}={text}" for name, text in given.items())
    construction = f"{piece.entry.class_name}({arguments})"
    (written,) = merger.add(f"{_IMPORTS}\n{_without_future(piece.entry.source)}", [construction])
    if "from __future__ import annotations" in piece.entry.source:
        merger.add("from __future__ import annotations\n")
    reading = f"{piece.keyword!r}, {piece.form!r}, {tuple(piece.shape)}"
    return f"{written}, {reading}, {piece.returned!r}, {piece.outputs}".replace("'", '"')


def _without_future(source: str) -> str:
    return "\n".join(
        line for line in source.split("\n") if not line.startswith("from __future__ import")
    )


def _is_convolution(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = ast.unparse(node.func)
    starred = any(isinstance(a, ast.Starred) for a in node.args)
    return function in ("nn.Conv2d", "torch.nn.Conv2d") and not starred and len(node.args) >= 2
