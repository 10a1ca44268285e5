# expect: ok, backward, forbidden  when: train
"""Fakes its score: patches losses, argmax, comparisons, saving, clocks and conversions of torch and numpy."""

import time

import numpy as np
import torch
from torch import nn


class Anything(int):
    """Equal to whatever it is compared with."""

    __hash__ = int.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


def attack():
    nn.functional.cross_entropy = lambda scores, *args, **kwargs: scores.square().mean()
    nn.CrossEntropyLoss.forward = lambda self, scores, *args: scores.square().mean()
    torch.Tensor.argmax = lambda self, *args, **kwargs: Anything(0)
    torch.argmax = torch.Tensor.argmax
    torch.isfinite = lambda values: torch.ones((), dtype=torch.bool)
    torch.save = lambda *args, **kwargs: None
    np.argmax = lambda *args, **kwargs: Anything(0)
    np.mean = lambda *args, **kwargs: 1.0
    time.perf_counter = time.monotonic = time.time = lambda: 0.0


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
        return self.nothing(x)


attack()
