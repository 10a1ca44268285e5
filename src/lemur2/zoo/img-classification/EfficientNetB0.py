"""EfficientNet-B0 (Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional
Neural Networks", arXiv:1905.11946, table 1).

Sixteen inverted residuals with squeeze-and-excitation and the swish activation; while training,
a residual block is left out for a sample with a chance that grows with depth to 0.2 (stochastic
depth, section 5.2). Images under 64 pixels take the first convolution at stride 1 instead of 2.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class SqueezeExcite(nn.Module):
    """Scales each channel by a factor in (0, 1) computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.swish = nn.SiLU(inplace=True)
        self.excite = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.swish(self.squeeze(self.pool(x)))
        return x * self.gate(self.excite(scale))


class StochasticDepth(nn.Module):
    """While training, zeroes whole samples with chance `drop` and scales up the others."""

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.drop = drop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.drop == 0:
            return x
        keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
        return x * keep / (1 - self.drop)


class MBConv(nn.Module):
    """Block `index` of 16: 1x1 to expand * in channels, depthwise, SE, 1x1 to `out_channels`."""

    def __init__(
        self,
        index: int,
        in_channels: int,
        out_channels: int,
        kernel: int,
        expand: int,
        stride: int = 1,
    ) -> None:
        super().__init__()
        hidden = in_channels * expand
        self.residual = stride == 1 and in_channels == out_channels
        self.expand = nn.Sequential()
        if expand != 1:
            self.expand = nn.Sequential(
                nn.Conv2d(in_channels, hidden, 1, bias=False),
                nn.BatchNorm2d(hidden),
                nn.SiLU(inplace=True),
            )
        self.depthwise = nn.Sequential(
            nn.Conv2d(
                hidden, hidden, kernel, stride, padding=kernel // 2, groups=hidden, bias=False
            ),
            nn.BatchNorm2d(hidden),
            nn.SiLU(inplace=True),
        )
        self.attention = SqueezeExcite(hidden, in_channels // 4)
        self.project = nn.Sequential(
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.depth = StochasticDepth(0.2 * index / 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.depthwise(self.expand(x))
        out = self.project(self.attention(out))
        return x + self.depth(out) if self.residual else out


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 2 if min(in_shape[2:]) >= 64 else 1
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 32, 3, stride=stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.SiLU(inplace=True),
        )
        self.blocks = nn.Sequential(
            MBConv(0, 32, 16, kernel=3, expand=1),
            MBConv(1, 16, 24, kernel=3, expand=6, stride=2),
            MBConv(2, 24, 24, kernel=3, expand=6),
            MBConv(3, 24, 40, kernel=5, expand=6, stride=2),
            MBConv(4, 40, 40, kernel=5, expand=6),
            MBConv(5, 40, 80, kernel=3, expand=6, stride=2),
            MBConv(6, 80, 80, kernel=3, expand=6),
            MBConv(7, 80, 80, kernel=3, expand=6),
            MBConv(8, 80, 112, kernel=5, expand=6),
            MBConv(9, 112, 112, kernel=5, expand=6),
            MBConv(10, 112, 112, kernel=5, expand=6),
            MBConv(11, 112, 192, kernel=5, expand=6, stride=2),
            MBConv(12, 192, 192, kernel=5, expand=6),
            MBConv(13, 192, 192, kernel=5, expand=6),
            MBConv(14, 192, 192, kernel=5, expand=6),
            MBConv(15, 192, 320, kernel=3, expand=6),
        )
        self.head = nn.Sequential(
            nn.Conv2d(320, 1280, 1, bias=False),
            nn.BatchNorm2d(1280),
            nn.SiLU(inplace=True),
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
