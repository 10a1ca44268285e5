"""MoEv6: a homogeneous mixture of experts (section 4.2.1 of the supplement of "LEMUR 2: Unlocking
Neural Network Diversity for AI").

Eight experts of six convolution blocks and three fully connected layers; a two-layer gate sends
each image to two of them. The paper does not say how its variants differ; this progression is
ours.

After MoEv4: the two experts' scores are summed, not averaged (the weights add up to 2).
"""

import math

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"dropout", "lr", "momentum"}


class Block(nn.Sequential):
    """A 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class Expert(nn.Module):
    """Six convolution blocks, pooled and dropped out in pairs, and three fully connected layers."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Block(in_shape[1], 32, stride=2 if min(in_shape[2:]) >= 64 else 1),
            Block(32, 32),
            nn.MaxPool2d(2),
            nn.Dropout(0.5 * prm["dropout"]),
            Block(32, 64),
            Block(64, 64),
            nn.MaxPool2d(2),
            nn.Dropout(0.5 * prm["dropout"]),
            Block(64, 128),
            Block(128, 128),
            nn.AdaptiveAvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, out_shape[0]),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


class Gate(nn.Module):
    """Two fully connected layers on an 8x8 thumbnail: a logit for each expert."""

    def __init__(self, channels: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(8),
            nn.Flatten(),
            nn.Linear(channels * 64, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, experts),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Net(nn.Module):
    """The 2 experts of 8 that the gate prefers, by its weights."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.experts = nn.ModuleList(Expert(in_shape, out_shape, prm, device) for _ in range(8))
        self.gate = Gate(in_shape[1], len(self.experts))
        self.top = 2
        self.noise = 0.3
        self.classes = out_shape[0]
        self.routed = torch.zeros(len(self.experts), self.classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(x)[0]

    def mix(
        self, x: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores (B, classes), and how they came about.

        That is the gate's probabilities (B, experts), the chosen experts (B, top), their weights
        and their scores (B, top, classes). An expert runs on the samples that chose it alone.
        """
        logits = self.gate(x)
        if self.training and self.noise:
            logits = logits + self.noise * torch.randn_like(logits)
        probabilities = logits.softmax(dim=1)
        best, chosen = probabilities.topk(self.top, dim=1)
        weights = self.top * best / best.sum(dim=1, keepdim=True)
        opinions = x.new_zeros(x.shape[0], self.top, self.classes)
        for index, expert in enumerate(self.experts):  # one that nobody chose gets an empty batch
            rows, places = (chosen == index).nonzero(as_tuple=True)
            if self.training and not len(rows):
                continue  # nor does the optimizer change it
            found = expert(x[rows]).to(opinions.dtype)
            opinions = opinions.index_put((rows, places), found)
        scores = (weights.unsqueeze(2) * opinions).sum(dim=1)
        return scores, probabilities, chosen, weights, opinions

    def balance(self, probabilities: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """How far the experts' shares of the batch are from equal: 0 where they are.

        Counting has no gradient: the value is the counts', the gradient the mean probabilities'.
        """
        experts = len(self.experts)
        counted = torch.bincount(chosen.flatten(), minlength=experts) / chosen.numel()
        expected = probabilities.mean(dim=0)
        shares = expected + (counted - expected).detach()
        return experts * (shares - 1 / experts).square().sum()

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.parameters(), lr=prm["lr"], momentum=prm["momentum"], weight_decay=1e-4
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
            scores, probabilities, chosen, weights, _ = self.mix(inputs)
            loss = self.criterion(scores, labels)
            loss = loss + 0.01 * self.balance(probabilities, chosen)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3.0)
            self.optimizer.step()
            self.schedule.step()
            used = torch.zeros(len(inputs), len(self.experts), device=self.device).scatter(
                1, chosen, weights.detach()
            )
            self.routed.index_add_(1, labels.cpu(), used.T.cpu())

    def diagnostics(self) -> dict[str, list[list[float]]]:
        """Since the last call, the weight that the samples of each class gave to each expert."""
        routing = self.routed.tolist()
        self.routed.zero_()
        return {"routing": routing}
