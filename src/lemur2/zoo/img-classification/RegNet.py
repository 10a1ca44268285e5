"""RegNetY-400MF (Radosavovic et al. 2020, "Designing Network Design Spaces", arXiv:2003.13678,
figure 11).

Residual bottlenecks without narrowing: 1x1, grouped 3x3 with 8 channels a group, squeeze and
excitation, 1x1. The widths follow the paper's linear rule (initial width 48, slope 27.89,
multiplier 2.09). Images under 64 pixels take the first convolution at stride 1 instead of 2.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


class SqueezeExcite(nn.Module):
    """Scales each channel by a factor in (0, 1) computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.relu = nn.ReLU(inplace=True)
        self.excite = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.relu(self.squeeze(self.pool(x)))
        return x * self.gate(self.excite(scale))


class YBlock(nn.Module):
    """relu(x + f(x)); SE squeezes to a quarter of the block's input channels."""

    def __init__(self, in_channels: int, out_channels: int, groups: int, stride: int = 1) -> None:
        super().__init__()
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        self.conv1 = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(
            out_channels, out_channels, 3, stride, padding=1, groups=groups, bias=False
        )
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.attention = SqueezeExcite(out_channels, in_channels // 4)
        self.conv3 = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(self.attention(out)))
        return self.relu(out + self.shortcut(x))


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 2 if min(in_shape[2:]) >= 64 else 1
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 32, 3, stride=stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
        )
        self.stage1 = nn.Sequential(YBlock(32, 48, groups=6, stride=2))
        self.stage2 = nn.Sequential(
            YBlock(48, 104, groups=13, stride=2),
            YBlock(104, 104, groups=13),
            YBlock(104, 104, groups=13),
        )
        self.stage3 = nn.Sequential(
            YBlock(104, 208, groups=26, stride=2),
            YBlock(208, 208, groups=26),
            YBlock(208, 208, groups=26),
            YBlock(208, 208, groups=26),
            YBlock(208, 208, groups=26),
            YBlock(208, 208, groups=26),
        )
        self.stage4 = nn.Sequential(
            YBlock(208, 440, groups=55, stride=2),
            YBlock(440, 440, groups=55),
            YBlock(440, 440, groups=55),
            YBlock(440, 440, groups=55),
            YBlock(440, 440, groups=55),
            YBlock(440, 440, groups=55),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(440, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.stage1(x)
        x = self.stage2(x)
        x = self.stage3(x)
        x = self.stage4(x)
        return self.classifier(self.flatten(self.pool(x)))

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=5e-5
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
