"""AirNet-50 1x64d, r = 2 (Yang et al. 2019, "Attention Inspiring Receptive-Fields Network for
Learning Invariant Representations", IEEE TNNLS 30(6), on the ResNet bottleneck).

ResNet-50 in which a side branch looks at a wider field, at half the resolution, and says where
the bottleneck's features matter: a mask in (0, 1) multiplied onto them. Blocks that change the
resolution and those of the last stage have no mask. The stem is three 3x3 convolutions. Images
under 64 pixels take the first of them at stride 1 instead of 2.
"""

import torch
from torch import nn
from torch.nn import functional as F


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


class AttentionMask(nn.Module):
    """1x1 convolution to half of `width`, pooling, 3x3, back to size, 1x1, sigmoid."""

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(in_channels, width // 2, 1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.look = nn.Sequential(
            nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(inplace=True),
        )
        self.widen = nn.Sequential(
            nn.Conv2d(width // 2, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.gate = nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = self.look(self.pool(self.reduce(x)))
        mask = F.interpolate(mask, size=x.shape[2:], mode="bilinear", align_corners=True)
        return self.gate(self.widen(mask))


class Bottleneck(nn.Module):
    """relu(x + f(x)) with f: in -> width -> width, masked -> out channels."""

    def __init__(
        self, in_channels: int, width: int, out_channels: int, stride: int = 1, mask: bool = False
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.mask = AttentionMask(in_channels, width) if mask else None
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        if self.mask is not None:
            out = out * self.mask(x)
        out = self.bn3(self.conv3(out))
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
            nn.Conv2d(32, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stage1 = nn.Sequential(
            Bottleneck(64, 64, 256, mask=True),
            Bottleneck(256, 64, 256, mask=True),
            Bottleneck(256, 64, 256, mask=True),
        )
        self.stage2 = nn.Sequential(
            Bottleneck(256, 128, 512, stride=2),
            Bottleneck(512, 128, 512, mask=True),
            Bottleneck(512, 128, 512, mask=True),
            Bottleneck(512, 128, 512, mask=True),
        )
        self.stage3 = nn.Sequential(
            Bottleneck(512, 256, 1024, stride=2),
            Bottleneck(1024, 256, 1024, mask=True),
            Bottleneck(1024, 256, 1024, mask=True),
            Bottleneck(1024, 256, 1024, mask=True),
            Bottleneck(1024, 256, 1024, mask=True),
            Bottleneck(1024, 256, 1024, mask=True),
        )
        self.stage4 = nn.Sequential(
            Bottleneck(1024, 512, 2048, stride=2),
            Bottleneck(2048, 512, 2048),
            Bottleneck(2048, 512, 2048),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(2048, out_shape[0])

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
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=1e-4
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
