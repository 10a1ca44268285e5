# expect: forbidden  when: check
"""Makes descriptors send signals to its parent and to all processes around, by owner and signal."""

import fcntl
import os
import signal
import struct
import time

import torch
from torch import nn


def attack():
    read, write = os.pipe()
    victims = [number for number in range(os.getppid() - 50, os.getppid() + 50) if number > 1]
    refused = None
    for victim in (os.getppid(), *victims):
        for command, argument in (
            (fcntl.F_SETOWN, victim),
            (15, struct.pack("ii", 1, victim)),  # F_SETOWN_EX
            (10, signal.SIGURG),  # F_SETSIG
            (fcntl.F_SETFL, fcntl.fcntl(read, fcntl.F_GETFL) | os.O_ASYNC),
        ):
            try:
                fcntl.fcntl(read, command, argument)
            except PermissionError as error:
                refused = error
        for request, argument in ((0x8901, victim), (0x8902, victim), (0x5452, 1)):
            try:
                fcntl.ioctl(read, request, struct.pack("i", argument))
            except PermissionError as error:
                refused = error
            except OSError:
                continue
        os.write(write, b"x")
    if refused is not None:
        raise refused


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
