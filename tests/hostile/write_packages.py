# expect: build, forbidden  when: check
"""Plants files for the next worker in the installed packages, the standard library and their caches."""

import importlib.util
import json
import os

import torch
from torch import nn


def attack():
    won = []
    for module in (torch, json):
        folder = os.path.dirname(module.__file__)
        cache = os.path.dirname(importlib.util.cache_from_source(module.__file__))
        for path in (os.path.join(folder, "hostile.py"), os.path.join(cache, "hostile.pyc")):
            try:
                open(path, "w").close()
                os.unlink(path)
                won.append(path)
            except OSError:
                pass
        try:
            os.close(os.open(module.__file__, os.O_WRONLY))
            won.append(module.__file__)
        except OSError:
            pass
    if not won:
        raise RuntimeError("denied: no package can be written")


def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])
        )
        attack()

    def train_setup(self, prm):
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.layers(x)
