# expect: build, forbidden, crash  when: check
"""Asks for kernel interfaces that no network needs and that have been ways out: io_uring, bpf, perf, userfaultfd, keys, modules, by-handle opening."""

import ctypes
import os

import torch
from torch import nn

CALLS = {  # x86-64 numbers
    "io_uring_setup": (425, 8, ctypes.create_string_buffer(256)),
    "bpf": (321, 0, ctypes.create_string_buffer(128), 128),
    "perf_event_open": (298, ctypes.create_string_buffer(b"\1\0\0\0\x70", 128), 0, -1, -1, 0),
    "userfaultfd": (323, 1),
    "add_key": (248, b"user", b"hostile", b"x", 1, -3),
    "keyctl": (250, 0, -3, 1),
    "open_by_handle_at": (304, -100, ctypes.create_string_buffer(16), 0),
    "name_to_handle_at": (
        303,
        -100,
        b"/",
        ctypes.create_string_buffer(b"\x80", 256),
        ctypes.create_string_buffer(8),
        0,
    ),
    "pidfd_open": (434, os.getppid() or 1, 0),
    "fanotify_init": (300, 0, 0),
    "quotactl": (179, 0x80000200, None, 0, ctypes.create_string_buffer(64)),
    "syslog": (103, 10, None, 0),
    "kexec_load": (246, 0, 0, None, 0),
    "init_module": (175, ctypes.create_string_buffer(8), 8, b""),
    "personality": (135, 0x0040000),
}


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    won = []
    for name, (number, *arguments) in CALLS.items():
        wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        if os.uname().machine == "x86_64" and libc.syscall(ctypes.c_long(number), *wide) >= 0:
            won.append(name)
    if not won:
        raise RuntimeError("denied: every call was refused")
    print("loot:", won)


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
