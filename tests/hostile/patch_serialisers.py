# expect: ok, crash, train  when: train
"""Patches json, pickle and struct so that every number it reports is 1.0."""

import contextlib
import json
import pickle

import torch
from torch import nn


def better(value):
    if isinstance(value, dict):
        return {key: 1.0 if key in WANTED else better(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        with contextlib.suppress(TypeError):
            return type(value)(map(better, value))
    return value


WANTED = {"score", "accuracy", "result", "test_score"}


def attack():
    for module in (json, pickle):
        for name in ("dumps", "dump"):
            real = getattr(module, name)
            setattr(module, name, lambda value, *a, real=real, **k: real(better(value), *a, **k))


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
