# expect: import, forbidden  when: check
"""Talks to local services: abstract and named Unix sockets, netlink, vsock, kernel crypto."""

import os
import socket

import torch
from torch import nn

NAMES = [
    "\0hostile",
    "/run/dbus/system_bus_socket",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/systemd/private",
    f"/run/user/{os.getuid()}/bus",
    "/tmp/.X11-unix/X0",
    "\0/tmp/.X11-unix/X0",
]


def attack():
    won = []
    for name in NAMES:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.connect(name)
                won.append(name)
        except OSError as error:
            if isinstance(error, ConnectionRefusedError) and name.startswith("/"):
                won.append(name)
    for family in ("AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_CAN", "AF_BLUETOOTH"):
        try:
            kind = socket.SOCK_SEQPACKET if family == "AF_ALG" else socket.SOCK_RAW
            socket.socket(getattr(socket, family), kind).close()
            won.append(family)
        except (OSError, AttributeError):
            pass
    if not won:
        raise RuntimeError("denied: no local service")


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
