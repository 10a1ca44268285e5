# expect: train, memory, forbidden  when: train
"""1 GiB by torch.save in its scratch folder."""

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
    saved, failure, paths = 0, None, []
    try:
        for place in PLACES[:3]:
            try:
                while saved < 32:
                    paths.append(os.path.join(place, f"hostile-{saved}.pt"))
                    torch.save(torch.ones(1 << 23), paths[-1])  # 32 MiB
                    saved += 1
            except (OSError, RuntimeError) as error:
                failure = error
    finally:
        for path in filter(os.path.exists, paths):
            os.unlink(path)
    if saved < 32:
        raise RuntimeError(f"denied: {saved} saved") from failure


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
        attack()
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.layers(x)
