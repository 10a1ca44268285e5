# expect: ok, crash  when: train
"""Patches every metric, task and score of lemur2 that it finds in its process."""

import contextlib
import sys

import torch
from torch import nn


def perfect(*args, **kwargs):
    return 1.0


def attack():
    for name, module in list(sys.modules.items()):
        if not name.startswith("lemur2") or module is None:
            continue
        for kind in list(vars(module).values()):
            for method in ("result", "score", "accuracy", "evaluate", "check", "check_audits"):
                if isinstance(kind, type) and hasattr(kind, method):
                    with contextlib.suppress(TypeError, AttributeError):
                        setattr(kind, method, perfect)
        for function in ("score", "accuracy", "evaluate_scores"):
            if callable(getattr(module, function, None)):
                setattr(module, function, perfect)


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
