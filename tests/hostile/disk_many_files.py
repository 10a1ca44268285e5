# expect: build, memory, forbidden  when: check
"""1 GiB in files of 1 MiB, which a limit on the size of a file does not see."""

import os
import tempfile

import torch
from torch import nn

PLACES = [
    os.getcwd(),
    tempfile.gettempdir(),
    os.path.dirname(os.path.abspath(globals().get("__file__", "."))),
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/run",
    "@HOME@",
]


def attack():
    written, paths = 0, []
    try:
        for place in PLACES:
            try:
                while written < 1 << 30:
                    paths.append(os.path.join(place, f"hostile-{len(paths)}"))
                    with open(paths[-1], "wb") as file:
                        written += file.write(b"x" * (1 << 20))
            except OSError:
                continue
    finally:
        for path in filter(os.path.exists, paths):
            os.unlink(path)
    if written < 1 << 30:
        raise RuntimeError(f"denied: the disk gave {written >> 20} MiB")


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
