# expect: build, forbidden  when: check
"""Lifts its own limits and isolation: rlimits, priority, namespaces, mounts, chroot, privileges, cgroups."""

import ctypes
import os
import resource

import torch
from torch import nn

LIMITS = ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CPU", "RLIMIT_NOFILE")


def lift(name):
    number = getattr(resource, name)
    hard = resource.getrlimit(number)[1]
    if hard == resource.RLIM_INFINITY:
        raise OSError("nothing to lift")
    resource.setrlimit(number, (hard + 1, hard + 1))


def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "refused")


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    tries = {name: lambda name=name: lift(name) for name in LIMITS}
    tries |= {
        "nice": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
        "user namespace": lambda: call(libc.unshare, 0x10000000),
        "mount namespace": lambda: call(libc.unshare, 0x00020000),
        "mount": lambda: call(libc.mount, b"none", os.getcwdb(), b"tmpfs", 0, None),
        "chroot": lambda: os.chroot("/"),
        "setuid": lambda: os.setuid(0 if os.getuid() else 1),
        "cgroup": lambda: os.close(os.open("/sys/fs/cgroup/cgroup.procs", os.O_WRONLY)),
        "oom": lambda: os.close(os.open("/proc/self/oom_score_adj", os.O_WRONLY)),
    }
    won = []
    for name, attempt in tries.items():
        try:
            attempt()
            won.append(name)
        except (OSError, ValueError):
            pass
    if not won:
        raise RuntimeError("denied: nothing could be lifted")
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
