# expect: build, forbidden, crash  when: check
"""A child by the bare system calls clone, fork, vfork (also of the x32 table), clone3 and by posix_spawn."""

import ctypes
import os
import time

import torch
from torch import nn

X32 = 0x40000000
SIGCHLD = 17


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    zero = [ctypes.c_long(0)] * 5
    clone3 = (ctypes.c_uint64 * 11)()
    clone3[4] = SIGCHLD
    calls = [
        (56, ctypes.c_long(SIGCHLD), *zero[:4]),
        (57,),
        (435, clone3, ctypes.c_long(ctypes.sizeof(clone3))),
        (X32 | 56, ctypes.c_long(SIGCHLD), *zero[:4]),
        (X32 | 57,),
    ]
    for number, *arguments in calls:
        if os.uname().machine != "x86_64":
            break
        made = libc.syscall(ctypes.c_long(number), *arguments)
        if made == 0:
            time.sleep(20)
            os._exit(0)
        if made > 0:
            return
    try:
        os.posix_spawn("/bin/sleep", ["sleep", "20"], {})
    except OSError as error:
        raise RuntimeError("denied: no way to make a child") from error


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
