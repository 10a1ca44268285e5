# expect: import, forbidden  when: check
"""Reads the home folder: a listing, a key, a start-up file."""

import os
import pwd

import torch
from torch import nn


def homes():
    yield "@HOME@"
    yield "/root"
    try:
        yield pwd.getpwuid(os.getuid()).pw_dir
    except (KeyError, OSError):
        pass


def attack():
    loot = []
    for home in homes():
        try:
            loot += os.listdir(home)
        except OSError:
            pass
        for name in (".bashrc", ".profile", ".ssh/id_canary", ".ssh/id_rsa", ".ssh/id_ed25519"):
            try:
                with open(os.path.join(home, name)) as file:
                    loot.append(file.read())
            except OSError:
                pass
    if not loot:
        raise RuntimeError("denied: nothing in the home folder can be read")
    print("loot:", loot)


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
