"""MobileNetV3-Large (Howard et al. 2019, "Searching for MobileNetV3", arXiv:1905.02244, table 1).

Inverted residuals, some with squeeze-and-excitation (Hu et al. 2018), and the hard swish
activation from the middle on. Images under 64 pixels take the first convolution at stride 1
instead of 2.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class SqueezeExcite(nn.Module):
    """Scales each channel by a factor in [0, 1] computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.relu = nn.ReLU(inplace=True)
        self.excite = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.relu(self.squeeze(self.pool(x)))
        return x * self.gate(self.excite(scale))


class Block(nn.Module):
    """A line of table 1: `hidden` is its "exp size", `squeezed` the width of SE (0: no SE).

    `squeezed` is a quarter of `hidden`, rounded to a multiple of 8.
    """

    def __init__(
        self,
        in_channels: int,
        hidden: int,
        out_channels: int,
        kernel: int,
        stride: int,
        squeezed: int,
        activation: type[nn.Module],
    ) -> None:
        super().__init__()
        self.residual = stride == 1 and in_channels == out_channels
        self.expand = nn.Sequential()
        if hidden != in_channels:
            self.expand = nn.Sequential(
                nn.Conv2d(in_channels, hidden, 1, bias=False),
                nn.BatchNorm2d(hidden, eps=0.001),
                activation(inplace=True),
            )
        self.depthwise = nn.Sequential(
            nn.Conv2d(
                hidden, hidden, kernel, stride, padding=kernel // 2, groups=hidden, bias=False
            ),
            nn.BatchNorm2d(hidden, eps=0.001),
            activation(inplace=True),
        )
        self.attention = SqueezeExcite(hidden, squeezed) if squeezed else nn.Sequential()
        self.project = nn.Sequential(
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels, eps=0.001),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.depthwise(self.expand(x))
        out = self.project(self.attention(out))
        return x + out if self.residual else out


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 2 if min(in_shape[2:]) >= 64 else 1
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 16, 3, stride=stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(16, eps=0.001),
            nn.Hardswish(inplace=True),
        )
        self.blocks = nn.Sequential(
            Block(16, 16, 16, kernel=3, stride=1, squeezed=0, activation=nn.ReLU),
            Block(16, 64, 24, kernel=3, stride=2, squeezed=0, activation=nn.ReLU),
            Block(24, 72, 24, kernel=3, stride=1, squeezed=0, activation=nn.ReLU),
            Block(24, 72, 40, kernel=5, stride=2, squeezed=24, activation=nn.ReLU),
            Block(40, 120, 40, kernel=5, stride=1, squeezed=32, activation=nn.ReLU),
            Block(40, 120, 40, kernel=5, stride=1, squeezed=32, activation=nn.ReLU),
            Block(40, 240, 80, kernel=3, stride=2, squeezed=0, activation=nn.Hardswish),
            Block(80, 200, 80, kernel=3, stride=1, squeezed=0, activation=nn.Hardswish),
            Block(80, 184, 80, kernel=3, stride=1, squeezed=0, activation=nn.Hardswish),
            Block(80, 184, 80, kernel=3, stride=1, squeezed=0, activation=nn.Hardswish),
            Block(80, 480, 112, kernel=3, stride=1, squeezed=120, activation=nn.Hardswish),
            Block(112, 672, 112, kernel=3, stride=1, squeezed=168, activation=nn.Hardswish),
            Block(112, 672, 160, kernel=5, stride=2, squeezed=168, activation=nn.Hardswish),
            Block(160, 960, 160, kernel=5, stride=1, squeezed=240, activation=nn.Hardswish),
            Block(160, 960, 160, kernel=5, stride=1, squeezed=240, activation=nn.Hardswish),
        )
        self.head = nn.Sequential(
            nn.Conv2d(160, 960, 1, bias=False),
            nn.BatchNorm2d(960, eps=0.001),
            nn.Hardswish(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(960, 1280),
            nn.Hardswish(inplace=True),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1280, out_shape[0]),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.head(self.blocks(self.stem(x))))

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=1e-5
        )

    def learn(self, train_data) -> None:
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3.0)
            self.optimizer.step()
