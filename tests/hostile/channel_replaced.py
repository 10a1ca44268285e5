# expect: crash  when: check
"""Puts /dev/null in the place of its channel, by dup2, and hangs."""

import os
import stat
import time

import torch
from torch import nn


def attack():
    channels = []
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                channels.append(number)
        except OSError:
            continue
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in channels:
        os.dup2(nothing, number)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
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
        attack()
        return self.layers(x)
