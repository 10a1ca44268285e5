# expect: contract  when: check
"""Declares a hyperparameter that is called by a terminal escape, made when asked."""


import torch
from torch import nn


def supported_hyperparameters():
    return {"lr", chr(27) + "[2J" + chr(7)}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.head = nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=0.01)

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.head(x.flatten(1))
