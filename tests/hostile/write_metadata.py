# expect: build, forbidden  when: check
"""Changes files that it may not write: mode, times, owner, attributes, truncation, names."""

import os

import torch
from torch import nn


def attack():
    won, victim = [], os.path.join("@HOME@", ".bashrc")
    open("hostile-own", "w").close()
    calls = {
        "truncate": lambda: os.truncate(victim, 0),
        "chmod": lambda: os.chmod(victim, 0o777),
        "utime": lambda: os.utime(victim, (0, 0)),
        "setxattr": lambda: os.setxattr(victim, "user.hostile", b"1"),
        "rename": lambda: os.rename(victim, victim + "-hostile"),
        "link": lambda: os.link(victim, "hostile-link"),
        "link away": lambda: os.link("hostile-own", "@MARKER@"),
        "unlink": lambda: os.unlink(victim),
        "mkfifo": lambda: os.mkfifo("@MARKER@"),
        "mknod": lambda: os.mknod("@MARKER@"),
        "symlink": lambda: os.symlink("/", "@MARKER@"),
    }
    for name, call in calls.items():
        try:
            call()
            won.append(name)
        except OSError:
            pass
    if not won:
        raise RuntimeError("denied: every change was refused")


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
