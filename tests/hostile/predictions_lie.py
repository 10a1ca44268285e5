# expect: ok, train, shape, crash, diverged  when: train
"""Predicts with a tensor subclass that lies about its shape, its values and its comparisons."""

import torch
from torch import nn


class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("isfinite", "all", "eq", "equal"):
            return torch.tensor(True)
        return super().__torch_function__(function, types, args, kwargs or {})

    def numpy(self, *args, **kwargs):
        return self


def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])
        )
        self.trained = False

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
        self.trained = True

    def forward(self, x):
        if self.trained and not self.training:
            return (self.layers(x).detach() * float("nan")).as_subclass(Liar)
        return self.layers(x)
