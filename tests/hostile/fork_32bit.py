# expect: build, forbidden, crash  when: check
"""A child by the 32-bit system call gate, which a filter for 64-bit calls alone does not see."""

import ctypes
import mmap
import os
import time

import torch
from torch import nn

CODE = bytes.fromhex("b802000000cd80c3")  # mov eax, 2 (fork); int 0x80; ret


def attack():
    if os.uname().machine != "x86_64":
        raise RuntimeError("denied: another machine")
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    made = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    if made == 0:
        time.sleep(20)
        os._exit(0)
    if made < 0:
        raise RuntimeError("denied: fork by the 32-bit gate")


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
