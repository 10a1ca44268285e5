# expect: import, forbidden  when: check
"""Reaches the network: TCP, UDP, IPv6, raw, netlink, name resolution."""

import errno
import socket

import torch
from torch import nn

TRIES = [
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 9)),
    (socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 53)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("1.1.1.1", 53)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 9)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 9)),
]


def attack():
    won = []
    for family, kind, address in TRIES:
        try:
            with socket.socket(family, kind) as sock:
                sock.settimeout(2)
                sock.connect(address)
                won.append(address)
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:  # somebody answered
                won.append(address)
    for name in ("localhost", "pypi.org"):
        try:
            won.append(socket.getaddrinfo(name, 80)) if name != "localhost" else None
        except OSError:
            pass
    if not won:
        raise RuntimeError("denied: no network")


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
