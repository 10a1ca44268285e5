# expect: build, forbidden, crash  when: check
"""Reads and writes another process's memory by process_vm_readv, process_vm_writev, ptrace, pidfd_getfd and kcmp."""

import ctypes
import os

import torch
from torch import nn


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def others():
    try:
        pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    except OSError:
        pids = set(range(2, 3000))
    return sorted((pids | {os.getppid(), 1}) - {0, os.getpid()})


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    won = []
    buffer = ctypes.create_string_buffer(16)
    here = Vector(ctypes.addressof(buffer), 16)
    there = Vector(id(None), 16)  # a fork has the same addresses
    for pid in others():
        if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
            won.append(("process_vm_readv", pid))
        if libc.process_vm_writev(pid, ctypes.byref(here), 0, ctypes.byref(there), 0, 0) == 0:
            won.append(("process_vm_writev", pid))
        if libc.ptrace(0x4206, pid, None, None) == 0:  # PTRACE_SEIZE: does not stop it
            won.append(("ptrace", pid))
        pidfd = libc.syscall(ctypes.c_long(434), pid, 0)
        if pidfd >= 0:
            for number in range(16):
                if libc.syscall(ctypes.c_long(438), pidfd, number, 0) >= 0:
                    won.append(("pidfd_getfd", pid))
            os.close(pidfd)
    if not won:
        raise RuntimeError("denied: no other process's memory can be had")


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
