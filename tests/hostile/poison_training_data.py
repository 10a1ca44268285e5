# expect: train, forbidden  when: train
"""Overwrites the training data that all workers share, in place and by its file."""

import gc
import mmap
import os

import numpy as np
import torch
from torch import nn


def mapped_files():
    names = {str(kept.filename) for kept in gc.get_objects() if isinstance(kept, np.memmap)}
    try:
        with open("/proc/self/maps") as maps:
            names |= {line.split(maxsplit=5)[-1].strip() for line in maps if ".npy" in line}
    except OSError:
        pass
    return names


def attack():
    for kept in gc.get_objects():  # its own copy at most
        if isinstance(kept, np.memmap) and kept.flags.writeable:
            kept.reshape(-1)[:10] = 0
            kept.flush()
    won = []
    for name in mapped_files():
        try:
            os.close(os.open(name, os.O_RDWR))
            won.append(name)
        except OSError:
            pass
    if not won:
        raise RuntimeError("denied: the shared data cannot be written")


def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])
        )

    def train_setup(self, prm):
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        attack()
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.layers(x)
