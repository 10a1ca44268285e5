"""The experts of homogeneous mixtures, as Net files: sections 4.2.1 and 4.2.2 of the supplement."""

from __future__ import annotations

import re

from lemur2.errors import UsageError

_NAME = re.compile(r"(ConvNet|AlexNetBackbone)(\d+)")


def builtin_source(name: str) -> str:
    """The Net file of a built-in expert.

    Args:
        name: `ConvNet<w>`: six convolution blocks, w channels in the first; `AlexNetBackbone<w>`:
            AlexNet's convolutions with w channels in the first (64 in AlexNet), and a small head.

    Raises:
        UsageError: There is none of this name.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise UsageError(
            f"there is no expert {name!r}; there are ConvNet<w> and AlexNetBackbone<w>"
        )
    width = int(found[2])
    return _convnet(width) if found[1] == "ConvNet" else _alexnet(width)


_HEAD = """\
import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "dropout"}

"""

_TAIL = """
    def train_setup(self, prm: dict) -> None:
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=0.9)

    def learn(self, train_data) -> None:
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()
"""


def _convnet(width: int) -> str:
    return f'''{_HEAD}
class Block(nn.Sequential):
    """A 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class Net(nn.Module):
    """Six convolution blocks, pooled and dropped out in pairs, and three fully connected layers."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Block(in_shape[1], {width}, stride=2 if min(in_shape[2:]) >= 64 else 1),
            Block({width}, {width}),
            nn.MaxPool2d(2),
            nn.Dropout(0.5 * prm["dropout"]),
            Block({width}, {2 * width}),
            Block({2 * width}, {2 * width}),
            nn.MaxPool2d(2),
            nn.Dropout(0.5 * prm["dropout"]),
            Block({2 * width}, {4 * width}),
            Block({4 * width}, {4 * width}),
            nn.AdaptiveAvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear({16 * width}, {8 * width}),
            nn.ReLU(),
            nn.Dropout(prm["dropout"]),
            nn.Linear({8 * width}, {4 * width}),
            nn.ReLU(),
            nn.Linear({4 * width}, out_shape[0]),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))
{_TAIL}'''


def _alexnet(width: int) -> str:
    second, third, last = 3 * width, 6 * width, 4 * width
    return f'''{_HEAD}
class Net(nn.Module):
    """AlexNet's five convolutions at {width} channels in the first, and a head of its own."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        first_stride = 4 if min(in_shape[2:]) >= 64 else 1
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], {width}, 11, stride=first_stride, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d({width}, {second}, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d({second}, {third}, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d({third}, {last}, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d({last}, {last}, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear({4 * last}, {4 * width}),
            nn.ReLU(),
            nn.Linear({4 * width}, out_shape[0]),
        )
        for layer in self.features:  # without normalisation, He's scaling keeps the signal alive
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))
{_TAIL}'''
