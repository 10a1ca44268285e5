# expect: import, forbidden  when: check
"""Looks for the canary in its environment: os.environ, the C library's, and what the process was started with, still on its stack."""

import ctypes
import os

import torch
from torch import nn


def started_with():
    """The environment of the last exec, which no unsetenv removes from the stack."""
    end = ctypes.c_void_p.in_dll(ctypes.CDLL("ld-linux-x86-64.so.2"), "__libc_stack_end").value
    words = ctypes.cast(end, ctypes.POINTER(ctypes.c_void_p))
    at = 1
    for _ in range(2):  # past the arguments' end, then to the environment's
        while words[at]:
            yield ctypes.string_at(words[at])
            at += 1
        at += 1


def places():
    yield repr(dict(os.environ)).encode()
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    yield b"LEMUR2_CANARY" if libc.getenv(b"LEMUR2_CANARY") else b""
    try:
        yield from started_with()
    except (OSError, ValueError):
        pass
    for path in ("/proc/self/environ", f"/proc/{os.getpid()}/environ", "/proc/thread-self/environ"):
        try:
            with open(path, "rb") as file:
                yield file.read()
        except OSError:
            pass


def attack():
    if not any(b"LEMUR2_CANARY" in place for place in places()):
        raise RuntimeError("denied: the environment holds no canary")


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
        return self.layers(x)


attack()
