# expect: forbidden  when: check
"""400 MiB in folders that cannot be listed, or not be entered any more."""

import os
import time

import torch
from torch import nn


def attack():
    for number in range(4):
        os.mkdir(f"folder-{number}", 0)
    os.mkdir("blind", 0o300)
    os.chdir("blind")
    for number in range(400):
        with open(f"file-{number}", "wb") as file:
            file.write(b"x" * (1 << 20))
    time.sleep(1)


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
