# expect: import, forbidden  when: check
"""Writes to the home folder: a new file, an existing one, a new folder."""

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
    won = []
    for home in homes():
        for name in (".bashrc", ".profile", ".ssh/authorized_keys", ".ssh/id_canary"):
            try:
                os.close(os.open(os.path.join(home, name), os.O_WRONLY | os.O_APPEND))
                won.append(name)
            except OSError:
                pass
    for make in (os.mkdir, lambda path: open(path, "w").close()):
        try:
            make("@HOME@/hostile")
            won.append("hostile")
        except OSError:
            pass
    if not won:
        raise RuntimeError("denied: nothing in the home folder can be written")


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
