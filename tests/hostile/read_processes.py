# expect: build, forbidden  when: check
"""Reads other processes by /proc: environment, memory, maps, open files, root and working folder."""

import os

import torch
from torch import nn


def attack():
    won, pids = [], {os.getppid(), 1}
    try:
        pids |= {int(name) for name in os.listdir("/proc") if name.isdigit()}
    except OSError:
        pids |= set(range(2, 5000))
    for pid in pids - {0, os.getpid()}:
        for name in ("environ", "maps", "cmdline", "root/etc/passwd", "cwd/.", "mem", "fd", "task"):
            path = f"/proc/{pid}/{name}"
            try:
                found = os.listdir(path) if name in ("fd", "task", "cwd/.") else open(path, "rb")
                won.append((path, found))
            except OSError:
                pass
    if not won:
        raise RuntimeError("denied: no other process can be read")


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
