# expect: build, forbidden  when: check
"""Signals its parent, every process and every group (harmless signals: that they arrive is the breach)."""

import ctypes
import os
import signal

import torch
from torch import nn


def attack():
    won = []
    pids = {os.getppid(), 1, -1} | set(range(2, 3000))
    pids -= {0, os.getpid()}
    for pid in pids:
        for send in (os.kill, os.killpg):
            try:
                if send is os.kill or (pid > 1 and pid != os.getpgrp()):
                    send(pid, signal.SIGCONT)
                    won.append((send.__name__, pid))
            except OSError:
                pass
    libc = ctypes.CDLL(None, use_errno=True)
    if os.getppid() > 1 and libc.syscall(ctypes.c_long(234), os.getppid(), os.getppid(), 18) == 0:
        won.append(("tgkill", os.getppid()))
    if not won:
        raise RuntimeError("denied: no process can be signalled")


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
