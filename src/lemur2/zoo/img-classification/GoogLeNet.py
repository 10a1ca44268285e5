"""GoogLeNet (Szegedy et al. 2015, "Going Deeper with Convolutions", arXiv:1409.4842, table 1),
with batch normalisation (Ioffe and Szegedy 2015) and without the auxiliary classifiers.

Nine Inception modules of four parallel branches. The branch that the paper gives a 5x5
convolution has a 3x3 one, as in the trained networks in common use. Images under 64 pixels take
the first convolution at stride 1 instead of 2.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class ConvUnit(nn.Sequential):
    """Convolution, batch normalisation, ReLU; a 3x3 kernel is padded to keep the size."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False
            ),
            nn.BatchNorm2d(out_channels, eps=0.001),
            nn.ReLU(inplace=True),
        )


class Inception(nn.Module):
    """Four branches side by side: 1x1; 1x1 then 3x3; 1x1 then 3x3; pooling then 1x1.

    `narrow_a` and `narrow_b` are the channels between the two convolutions of a branch. Gives
    single + wide_a + wide_b + pooled channels.
    """

    def __init__(
        self,
        in_channels: int,
        single: int,
        narrow_a: int,
        wide_a: int,
        narrow_b: int,
        wide_b: int,
        pooled: int,
    ) -> None:
        super().__init__()
        self.single = ConvUnit(in_channels, single, 1)
        self.double_a = nn.Sequential(
            ConvUnit(in_channels, narrow_a, 1), ConvUnit(narrow_a, wide_a, 3)
        )
        self.double_b = nn.Sequential(
            ConvUnit(in_channels, narrow_b, 1), ConvUnit(narrow_b, wide_b, 3)
        )
        self.pooled = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), ConvUnit(in_channels, pooled, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = [self.single(x), self.double_a(x), self.double_b(x), self.pooled(x)]
        return torch.cat(branches, dim=1)


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 2 if min(in_shape[2:]) >= 64 else 1
        self.stem = nn.Sequential(
            ConvUnit(in_shape[1], 64, 7, stride=stem_stride),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            ConvUnit(64, 64, 1),
            ConvUnit(64, 192, 3),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        self.stage3 = nn.Sequential(
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        self.stage4 = nn.Sequential(
            Inception(480, 192, 96, 208, 16, 48, 64),
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
            Inception(528, 256, 160, 320, 32, 128, 128),
            nn.MaxPool2d(2, stride=2, ceil_mode=True),
        )
        self.stage5 = nn.Sequential(
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(prm["dropout"])
        self.classifier = nn.Linear(1024, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.stage3(x)
        x = self.stage4(x)
        x = self.stage5(x)
        return self.classifier(self.dropout(self.flatten(self.pool(x))))

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
