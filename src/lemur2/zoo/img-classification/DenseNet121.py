"""DenseNet-121 (Huang et al. 2017, "Densely Connected Convolutional Networks", arXiv:1608.06993,
table 1).

In a dense block every layer sees the outputs of all layers before it and adds 32 channels (the
growth rate). Images under 64 pixels take the first convolution at stride 1 instead of 2.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum", "dropout"}


class DenseLayer(nn.Module):
    """x -> [x, f(x)]: a 1x1 convolution to 4 * growth channels, then a 3x3 to `growth`."""

    def __init__(self, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        new = self.conv1(self.relu(self.bn1(x)))
        new = self.conv2(self.relu(self.bn2(new)))
        return torch.cat([x, self.dropout(new)], dim=1)


class DenseBlock(nn.Sequential):
    """`layers` dense layers; gives in_channels + layers * growth channels."""

    def __init__(self, layers: int, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__(
            *(DenseLayer(in_channels + i * growth, growth, dropout) for i in range(layers))
        )


class Transition(nn.Sequential):
    """Between dense blocks: fewer channels, half the resolution."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.AvgPool2d(2, stride=2),
        )


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stem_stride = 2 if min(in_shape[2:]) >= 64 else 1
        dropout = prm["dropout"]
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 7, stride=stem_stride, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
            DenseBlock(6, 64, growth=32, dropout=dropout),
            Transition(256, 128),
            DenseBlock(12, 128, growth=32, dropout=dropout),
            Transition(512, 256),
            DenseBlock(24, 256, growth=32, dropout=dropout),
            Transition(1024, 512),
            DenseBlock(16, 512, growth=32, dropout=dropout),
            nn.BatchNorm2d(1024),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(1024, out_shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
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
