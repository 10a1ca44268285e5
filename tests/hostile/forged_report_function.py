# expect: crash, build, forbidden  when: check
"""Looks for the function that reports to the parent, in frames and modules, and calls it with a success of its own."""

import gc
import os
import sys
import types

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
    names = ("send", "report", "reply", "write", "emit", "put", "respond", "answer", "post")
    frame, seen = sys._getframe(), []
    while frame:
        seen += list(frame.f_locals.values()) + list(frame.f_globals.values())
        frame = frame.f_back
    for thing in seen:
        for name in names:
            function = (
                getattr(thing, name, None) if not isinstance(thing, types.ModuleType) else None
            )
            if type(thing).__module__.startswith(("lemur2", "multiprocessing")) and callable(
                function
            ):
                for argument in (REPORT, "ok", repr(REPORT).encode()):
                    try:
                        function(argument)
                    except Exception:
                        pass
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
