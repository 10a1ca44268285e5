# expect: forbidden  when: check
"""Announces a report of 4 GiB."""

import json
import struct
import sys
import time

import torch
from torch import nn


def say(message, announced=0, head=None):
    """Speak for the worker: its channel is in a frame of a caller, and knows the key."""
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "Channel":
                body = message if isinstance(message, bytes) else json.dumps(message).encode()
                size = len(body) if head is None else head
                value._write(struct.pack(">16sIQ", value._key, size, announced) + body, None)
                time.sleep(30)
        frame = frame.f_back



def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.head = nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])
        say(b"{", 0, 0xFFFFFFFF)

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=0.01)

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.head(x.flatten(1))
