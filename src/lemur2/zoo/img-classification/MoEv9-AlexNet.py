"""MoEv9-AlexNet: a mixture of AlexNet experts (section 4.2.2 of the supplement of "LEMUR 2:
Unlocking Neural Network Diversity for AI").

Eight experts with AlexNet's convolutions and a small head each; ImprovedGate sends each image to
two of them. Losses: cross-entropy, load balance, diversity (equation 4). The paper does not say
how its variants differ; this progression is ours.

The first: temperature 1, noise from 1.0, load balance x 0.01, diversity x 0.1.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def supported_hyperparameters() -> set[str]:
    return {"dropout", "lr", "momentum"}


class Expert(nn.Module):
    """AlexNet's five convolutions at 64 channels in the first, and a head of its own."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        first_stride = 4 if min(in_shape[2:]) >= 64 else 1
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 11, stride=first_stride, padding=2),
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
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1024, 256),
            nn.ReLU(),
            nn.Linear(256, out_shape[0]),
        )
        for layer in self.features:  # without normalisation, He's scaling keeps the signal alive
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


class Gate(nn.Module):
    """ImprovedGate: convolutions, then fully connected layers; its noise has a learned scale.

    Gives a logit for each expert, over the temperature of the softmax that is to follow.
    """

    def __init__(self, channels: int, experts: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, experts),
        )
        self.temperature = 1.0
        self.noise = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.layers(x)
        if self.training:
            logits = logits + self.noise * torch.randn_like(logits)
        return logits / self.temperature


class Net(nn.Module):
    """The 2 experts of 8 that the gate prefers, by its weights."""

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.experts = nn.ModuleList(Expert(in_shape, out_shape, prm, device) for _ in range(8))
        self.gate = Gate(in_shape[1], len(self.experts))
        self.top = 2
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
        probabilities = logits.softmax(dim=1)
        best, chosen = probabilities.topk(self.top, dim=1)
        weights = best / best.sum(dim=1, keepdim=True)
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

    def diversity(self, weights: torch.Tensor, opinions: torch.Tensor) -> torch.Tensor:
        """Mean correlation of two experts drawn by their weights, itself included (B, top).

        1 where one expert has all the weight, or all agree; lower the more they differ and the
        more evenly they are used: 1 less Rao's quadratic entropy.
        """
        centred = F.normalize(opinions - opinions.mean(dim=2, keepdim=True), dim=2)
        correlation = centred @ centred.transpose(1, 2)
        return (weights.unsqueeze(1) @ correlation @ weights.unsqueeze(2)).mean()

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
            scores, probabilities, chosen, weights, opinions = self.mix(inputs)
            loss = self.criterion(scores, labels)
            loss = loss + 0.01 * self.balance(probabilities, chosen)
            loss = loss + 0.1 * self.diversity(weights, opinions)
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
