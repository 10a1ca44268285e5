"""Inception v3 (Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision",
arXiv:1512.00567, table 1), without the auxiliary classifier.

Large kernels are factorised: 5x5 into two 3x3 on the finest grid, 7x7 into 1x7 and 7x1 on the
next, 3x3 into 1x3 beside 3x1 on the last. Made for 299 pixels. Images under 75 take the first
convolution at stride 1 and leave out the second pooling.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class ConvUnit(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels, out_channels, kernel, stride=stride, padding=padding, bias=False
            ),
            nn.BatchNorm2d(out_channels, eps=0.001),
            nn.ReLU(inplace=True),
        )


class FineModule(nn.Module):
    """Figure 5: 5x5 and two 3x3. Gives 224 + pooled channels."""

    def __init__(self, in_channels: int, pooled: int) -> None:
        super().__init__()
        self.single = ConvUnit(in_channels, 64, 1)
        self.five = nn.Sequential(
            ConvUnit(in_channels, 48, 1),
            ConvUnit(48, 64, 5, padding=2),
        )
        self.three_twice = nn.Sequential(
            ConvUnit(in_channels, 64, 1),
            ConvUnit(64, 96, 3, padding=1),
            ConvUnit(96, 96, 3, padding=1),
        )
        self.pooled = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1),
            ConvUnit(in_channels, pooled, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = [self.single(x), self.five(x), self.three_twice(x), self.pooled(x)]
        return torch.cat(branches, dim=1)


class FineToMiddle(nn.Module):
    """Halves the grid (figure 10). Gives in_channels + 480 channels."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.three = ConvUnit(in_channels, 384, 3, stride=2)
        self.three_twice = nn.Sequential(
            ConvUnit(in_channels, 64, 1),
            ConvUnit(64, 96, 3, padding=1),
            ConvUnit(96, 96, 3, stride=2),
        )
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.three(x), self.three_twice(x), self.pool(x)], dim=1)


class MiddleModule(nn.Module):
    """Figure 6 with n = 7: 768 channels in and out, `width` inside the factorised branches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.single = ConvUnit(768, 192, 1)
        self.seven = nn.Sequential(
            ConvUnit(768, width, 1),
            ConvUnit(width, width, (1, 7), padding=(0, 3)),
            ConvUnit(width, 192, (7, 1), padding=(3, 0)),
        )
        self.seven_twice = nn.Sequential(
            ConvUnit(768, width, 1),
            ConvUnit(width, width, (7, 1), padding=(3, 0)),
            ConvUnit(width, width, (1, 7), padding=(0, 3)),
            ConvUnit(width, width, (7, 1), padding=(3, 0)),
            ConvUnit(width, 192, (1, 7), padding=(0, 3)),
        )
        self.pooled = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1),
            ConvUnit(768, 192, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = [self.single(x), self.seven(x), self.seven_twice(x), self.pooled(x)]
        return torch.cat(branches, dim=1)


class MiddleToCoarse(nn.Module):
    """Halves the grid again: 768 -> 1280 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.three = nn.Sequential(
            ConvUnit(768, 192, 1),
            ConvUnit(192, 320, 3, stride=2),
        )
        self.seven_three = nn.Sequential(
            ConvUnit(768, 192, 1),
            ConvUnit(192, 192, (1, 7), padding=(0, 3)),
            ConvUnit(192, 192, (7, 1), padding=(3, 0)),
            ConvUnit(192, 192, 3, stride=2),
        )
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.three(x), self.seven_three(x), self.pool(x)], dim=1)


class Fork(nn.Module):
    """A 1x3 and a 3x1 convolution of the same input, 384 channels each."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = ConvUnit(384, 384, (1, 3), padding=(0, 1))
        self.tall = ConvUnit(384, 384, (3, 1), padding=(1, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.wide(x), self.tall(x)], dim=1)


class CoarseModule(nn.Module):
    """Figure 7: branches that fork at their end. Gives 2048 channels."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.single = ConvUnit(in_channels, 320, 1)
        self.three = nn.Sequential(
            ConvUnit(in_channels, 384, 1),
            Fork(),
        )
        self.three_twice = nn.Sequential(
            ConvUnit(in_channels, 448, 1),
            ConvUnit(448, 384, 3, padding=1),
            Fork(),
        )
        self.pooled = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1),
            ConvUnit(in_channels, 192, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = [self.single(x), self.three(x), self.three_twice(x), self.pooled(x)]
        return torch.cat(branches, dim=1)


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        large = min(in_shape[2:]) >= 75
        self.stem = nn.Sequential(
            ConvUnit(in_shape[1], 32, 3, stride=2 if large else 1),
            ConvUnit(32, 32, 3),
            ConvUnit(32, 64, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
            ConvUnit(64, 80, 1),
            ConvUnit(80, 192, 3),
            nn.MaxPool2d(3, stride=2) if large else nn.Identity(),
        )
        self.fine = nn.Sequential(
            FineModule(192, pooled=32),
            FineModule(256, pooled=64),
            FineModule(288, pooled=64),
            FineToMiddle(288),
        )
        self.middle = nn.Sequential(
            MiddleModule(width=128),
            MiddleModule(width=160),
            MiddleModule(width=160),
            MiddleModule(width=192),
            MiddleToCoarse(),
        )
        self.coarse = nn.Sequential(
            CoarseModule(1280),
            CoarseModule(2048),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(prm["dropout"])
        self.classifier = nn.Linear(2048, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.fine(x)
        x = self.middle(x)
        x = self.coarse(x)
        return self.classifier(self.dropout(self.flatten(self.pool(x))))

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=4e-5
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
