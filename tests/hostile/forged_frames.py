# expect: crash  when: check
"""Writes success to every open file descriptor, as lines, pickles and frames with lengths before them, and leaves."""

import json
import os
import pickle
import struct

import torch
from torch import nn

REPORT = {
    "verdict": "ok",
    "reason": "",
    "ok": True,
    "status": "ok",
    "type": "result",
    "kind": "result",
    "accuracy": 1.0,
    "score": 1.0,
    "loss": 0.0,
    "epoch": 1,
    "epochs": [{"epoch": 1, "score": 1.0}],
    "input_size": 32,
    "parameters": 1,
    "seconds": 0.1,
    "facts": {"input_size": 32, "parameters": 1},
}


def attack():
    plain, pickled = json.dumps(REPORT).encode(), pickle.dumps(REPORT)
    messages = [plain + b"\n", pickled]
    for body in (plain, pickled):
        messages += [
            struct.pack(order, len(body)) + body for order in ("<I", ">I", "<Q", ">Q", "!i")
        ]
    for number in range(1024):
        for message in messages:
            try:
                os.set_blocking(number, False)
                os.write(number, message)
            except OSError:
                break
    os._exit(0)


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
