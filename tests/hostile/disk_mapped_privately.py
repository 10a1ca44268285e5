# expect: forbidden, memory, crash  when: check
"""1 GiB in files that are written, mapped for itself alone, closed and removed."""

import mmap
import os

import torch
from torch import nn


def attack():
    mapped = []
    for number in range(32):
        path = f"mapped-{number}"
        with open(path, "w+b", buffering=0) as file:
            for _ in range(32):
                if file.write(b"x" * (1 << 20)) < 1 << 20:
                    file.write(b"x" * (1 << 20))
            mapped.append(mmap.mmap(file.fileno(), 32 << 20, mmap.MAP_PRIVATE, mmap.PROT_READ))
            os.unlink(path)


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
