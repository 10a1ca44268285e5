# expect: forbidden, crash, memory  when: check
"""Files of holes, filled later through mappings and writes, 1 GiB."""

import mmap
import os

import torch
from torch import nn


def attack():
    files = []
    for number in range(32):
        files.append(open(f"sparse-{number}", "w+b", buffering=0))
        files[-1].truncate(48 << 20)
    for start in range(0, 32 << 20, 1 << 20):
        for file in files:
            if os.pwrite(file.fileno(), b"x" * (1 << 20), start) < 1 << 20:
                os.pwrite(file.fileno(), b"x" * (1 << 20), start)


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
