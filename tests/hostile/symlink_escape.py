# expect: import, forbidden  when: check
"""Reads and writes through symbolic links in its scratch folder that lead outside."""

import os

import torch
from torch import nn


def attack():
    won = []
    os.symlink("/", "hostile-root")
    os.symlink("@HOME@", "hostile-home")
    os.symlink("/proc/self/cwd/../../../..", "hostile-up")
    for path in ("hostile-root/etc/shadow", "hostile-root/@HOME@/.bashrc", "hostile-home/.bashrc"):
        try:
            with open(path) as file:
                won.append(file.read(1))
        except OSError:
            pass
    for path in ("hostile-root/@MARKER@", "hostile-up/@MARKER@"):
        try:
            open(path, "w").close()
            won.append(path)
        except OSError:
            pass
    if not won:
        raise RuntimeError("denied: no link leads outside")


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
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.layers(x)


attack()
