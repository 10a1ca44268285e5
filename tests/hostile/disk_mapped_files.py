# expect: forbidden, memory, crash  when: check
"""1 GiB in files that are mapped, closed and removed."""

import mmap
import os

import torch
from torch import nn


def attack():
    mapped = []
    for number in range(16):
        path = f"mapped-{number}"
        with open(path, "w+b") as file:
            file.truncate(64 << 20)
            mapped.append(mmap.mmap(file.fileno(), 64 << 20))
        os.unlink(path)
        for page in range(0, 64 << 20, 4096):
            mapped[-1][page] = 1


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
