"""MoE-hetero4-Alex-Dense-Air-Bag: a heterogeneous mixture of experts (section 4.2.3 of the
supplement of "LEMUR 2: Unlocking Neural Network Diversity for AI").

AlexNet, DenseNet, AirNet and BagNet, each small and with its own head; a light convolutional gate
weights their scores (equation 5). Mixup of 0.2, label smoothing of 0.1, AdamW with a tenth of the
gate's rate for the experts, warm-up and cosine, clipping at 1. Images of 64 pixels and more are
halved by the experts' first convolutions. The single networks are files of their own; the paper
does not give the experts' sizes, and these are ours.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def supported_hyperparameters() -> set[str]:
    return {"dropout", "lr"}


class AlexNet(nn.Module):
    """AlexNet's five convolutions, pooled to 2x2, and a small head."""

    def __init__(self, channels: int, classes: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=2 * stride if stride > 1 else 1, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, classes)
        )
        for layer in self.features:  # without normalisation, He's scaling keeps the signal alive
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


class DenseLayer(nn.Module):
    """x -> [x, f(x)], f with `growth` channels."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth),
            nn.ReLU(),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.layers(x)], dim=1)


class DenseNet(nn.Module):
    """Three dense blocks of six layers with a growth of 16; between them half the channels."""

    def __init__(self, channels: int, classes: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=stride, padding=1, bias=False)
        )
        width = 32
        for block in range(3):
            for _ in range(6):
                self.features.append(DenseLayer(width, 16))
                width += 16
            if block < 2:
                self.features.extend(
                    [
                        nn.BatchNorm2d(width),
                        nn.ReLU(),
                        nn.Conv2d(width, width // 2, 1, bias=False),
                        nn.AvgPool2d(2),
                    ]
                )
                width //= 2
        self.features.extend(
            [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        )
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


class AirBlock(nn.Module):
    """relu(x + f(x)), f a bottleneck whose features a mask from half the resolution weights."""

    def __init__(self, channels: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        width = outputs // 4
        self.widen = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.mask = nn.Sequential(
            nn.Conv2d(channels, width // 2, 1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2 * stride, padding=1),
            nn.Conv2d(width // 2, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.narrow = nn.Sequential(
            nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.widen(x)
        mask = F.interpolate(self.mask(x), size=features.shape[2:], mode="bilinear")
        return F.relu(self.narrow(features * mask.sigmoid()) + self.shortcut(x))


class AirNet(nn.Module):
    """Three stages of two masked bottlenecks."""

    def __init__(self, channels: int, classes: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            AirBlock(32, 64),
            AirBlock(64, 64),
            AirBlock(64, 128, stride=2),
            AirBlock(128, 128),
            AirBlock(128, 256, stride=2),
            AirBlock(256, 256),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(256, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


class BagBlock(nn.Module):
    """relu(x + f(x)), f an unpadded bottleneck; x is cropped by what the kernel takes."""

    def __init__(self, channels: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        width = outputs // 4
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, kernel, stride=stride, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.layers(x)
        height, width = out.shape[2:]
        return F.relu(out + self.shortcut(x)[:, :, :height, :width])


class BagNet(nn.Module):
    """Scores of small patches, averaged: six bottlenecks of which three look beyond a pixel."""

    def __init__(self, channels: int, classes: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=stride, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            BagBlock(32, 64, kernel=3),
            BagBlock(64, 64),
            BagBlock(64, 128, kernel=3, stride=2),
            BagBlock(128, 128),
            BagBlock(128, 256, kernel=3, stride=2),
            BagBlock(256, 256),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(256, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


class Gate(nn.Module):
    """Two strided convolutions and a linear layer: a logit for each expert."""

    def __init__(self, channels: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(32, experts),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Net(nn.Module):
    """y(x) = sum of g_i(x) f_i(x): all experts' scores, weighted by the gate."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        stride = 2 if min(in_shape[2:]) >= 64 else 1
        shape = in_shape[1], out_shape[0], stride, prm["dropout"]
        self.experts = nn.ModuleList(
            [
                AlexNet(*shape),
                DenseNet(*shape),
                AirNet(*shape),
                BagNet(*shape),
            ]
        )
        self.gate = Gate(in_shape[1], len(self.experts))
        self.noise = 0.1
        self.classes = out_shape[0]
        self.routed = torch.zeros(len(self.experts), self.classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(x)[0]

    def mix(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (B, classes), and the weights of the experts (B, experts)."""
        logits = self.gate(x)
        if self.training and self.noise:
            logits = logits + self.noise * torch.randn_like(logits)
        weights = logits.softmax(dim=1)
        scores = torch.stack([expert(x) for expert in self.experts], dim=1)
        return (weights.unsqueeze(2) * scores).sum(dim=1), weights

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": self.gate.parameters(), "lr": prm["lr"]},
                {"params": self.experts.parameters(), "lr": 0.1 * prm["lr"]},
            ],
            weight_decay=1e-4,
        )
        self.epochs, self.schedule = prm["epoch"], None

    def rate(self, steps: int):
        """Factor on the learning rate by step: a linear warm-up, then half a cosine to 0."""
        warm = max(1, round(0.1 * steps))

        def factor(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            done = min(1.0, (step - warm) / max(1, steps - warm))
            return 0.5 * (1 + math.cos(math.pi * done))

        return factor

    def learn(self, train_data) -> None:
        self.train()
        if self.schedule is None:
            self.schedule = torch.optim.lr_scheduler.LambdaLR(
                self.optimizer, self.rate(len(train_data) * self.epochs)
            )
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            share = torch.distributions.Beta(0.2, 0.2).sample().item()
            share = max(share, 1 - share)  # `labels` stay the larger part
            order = torch.randperm(len(inputs), device=self.device)
            inputs, others = share * inputs + (1 - share) * inputs[order], labels[order]
            scores, weights = self.mix(inputs)
            loss = share * self.criterion(scores, labels) + (1 - share) * self.criterion(
                scores, others
            )
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            used = weights.detach()
            self.routed.index_add_(1, labels.cpu(), used.T.cpu())

    def diagnostics(self) -> dict[str, list[list[float]]]:
        """Since the last call, the weight that the samples of each class gave to each expert."""
        routing = self.routed.tolist()
        self.routed.zero_()
        return {"routing": routing}
