"""MnasNet-B1 at width 1.0 (Tan et al. 2019, "MnasNet: Platform-Aware Neural Architecture Search
for Mobile", arXiv:1807.11626): the searched network without squeeze-and-excitation.

Inverted residuals with kernels of 3 and 5 and expansions of 3 and 6. Images under 64 pixels take
the first convolution at stride 1 instead of 2.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class InvertedResidual(nn.Module):
    """1x1 to expand * in channels, depthwise, 1x1 to `out_channels`; added to x if it fits."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, expand: int, stride: int = 1
    ) -> None:
        super().__init__()
        hidden = in_channels * expand
        self.residual = stride == 1 and in_channels == out_channels
        self.expand = nn.Sequential(
            nn.Conv2d(in_channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(
                hidden, hidden, kernel, stride, padding=kernel // 2, groups=hidden, bias=False
            ),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
        )
        self.project = nn.Sequential(
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.residual else out


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 2 if min(in_shape[2:]) >= 64 else 1
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 32, 3, stride=stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            # The first block is a depthwise separable convolution: no expansion.
            nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 16, 1, bias=False),
            nn.BatchNorm2d(16),
        )
        self.blocks = nn.Sequential(
            InvertedResidual(16, 24, kernel=3, expand=3, stride=2),
            InvertedResidual(24, 24, kernel=3, expand=3),
            InvertedResidual(24, 24, kernel=3, expand=3),
            InvertedResidual(24, 40, kernel=5, expand=3, stride=2),
            InvertedResidual(40, 40, kernel=5, expand=3),
            InvertedResidual(40, 40, kernel=5, expand=3),
            InvertedResidual(40, 80, kernel=5, expand=6, stride=2),
            InvertedResidual(80, 80, kernel=5, expand=6),
            InvertedResidual(80, 80, kernel=5, expand=6),
            InvertedResidual(80, 96, kernel=3, expand=6),
            InvertedResidual(96, 96, kernel=3, expand=6),
            InvertedResidual(96, 192, kernel=5, expand=6, stride=2),
            InvertedResidual(192, 192, kernel=5, expand=6),
            InvertedResidual(192, 192, kernel=5, expand=6),
            InvertedResidual(192, 192, kernel=5, expand=6),
            InvertedResidual(192, 320, kernel=3, expand=6),
        )
        self.head = nn.Sequential(
            nn.Conv2d(320, 1280, 1, bias=False),
            nn.BatchNorm2d(1280),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(prm["dropout"])
        self.classifier = nn.Linear(1280, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(self.blocks(self.stem(x)))
        return self.classifier(self.dropout(self.flatten(self.pool(x))))

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
