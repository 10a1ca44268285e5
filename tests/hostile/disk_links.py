# expect: forbidden  when: check
"""A farm of symbolic and hard links that leads a walk in circles and counts files twice."""

import os

import torch
from torch import nn


def attack():
    open("file", "wb").close()
    for number in range(100):
        os.mkdir(f"folder-{number}")
        made = 0
        for link in (os.symlink, os.link):
            try:
                link(".." if link is os.symlink else "file", f"folder-{number}/{link.__name__}")
                made += 1
            except OSError as error:
                if made == 0 and link is os.link:
                    raise


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
