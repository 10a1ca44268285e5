# expect: forbidden, timeout  when: check
"""A tree of folders, ten in each, that is never looked through in time."""

import os

import torch
from torch import nn


def attack():
    waiting, made = ["."], 0
    while made < 100_000:
        folder = waiting.pop(0)
        for number in range(10):
            path = os.path.join(folder, str(number))
            os.mkdir(path)
            waiting.append(path)
            made += 1


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
