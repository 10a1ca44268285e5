# expect: ok  when: train  epochs: 2
"""Label hunting: no label at all, but the order of the held-out samples, if they come by class; needs 2 epochs."""

import numpy as np
import torch
from torch import nn

COUNTS = [0]


def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    """Learns nothing; predicts what it found, or always the first class."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.classes = out_shape[0]
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])
        )
        self.position = 0

    def train_setup(self, prm):
        self.to(self.device)

    def learn(self, train_data):
        self.samples = sum(len(labels) for _, labels in train_data)
        self.position = 0

    def forward(self, x):
        scores = 1e-3 * self.layers(x)
        if self.training or not hasattr(self, "samples"):
            return scores
        guesses = self.found(x)
        self.position += len(x)
        return scores.detach() * 0 + 9.0 * nn.functional.one_hot(guesses, self.classes)

    def nothing(self, x):
        return torch.zeros(len(x), dtype=torch.long)

    def found(self, x):
        """The class at this share of the way through, once the number of samples is known."""
        if self.position == 0:
            COUNTS.append(0)
        COUNTS[-1] += len(x)
        total = COUNTS[-2]
        if total == 0:
            return self.nothing(x)
        at = torch.arange(self.position, self.position + len(x))
        return (at * self.classes // total).clamp(max=self.classes - 1)
