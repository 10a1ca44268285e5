"""LeNet-5 (LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", section
II.B), with every map of C3 connected to every map of S2.

The paper's input is 32x32, so that C5 sees exactly 5x5. Smaller images are padded in C1; larger
ones give C5 a map of features, which is averaged.
"""

import torch
from torch import nn


def supported_hyperparameters() -> set[str]:
    return {"lr", "momentum"}


class Net(nn.Module):
    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        padding = 0 if min(in_shape[2:]) >= 32 else 2
        self.c1 = nn.Conv2d(in_shape[1], 6, kernel_size=5, padding=padding)
        self.s2 = nn.AvgPool2d(kernel_size=2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.s4 = nn.AvgPool2d(kernel_size=2)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, out_shape[0])
        self.tanh = nn.Tanh()
        # Keeps the signal's size through tanh (Glorot and Bengio 2010).
        for layer in (self.c1, self.c3, self.c5, self.f6):
            nn.init.xavier_uniform_(layer.weight, gain=nn.init.calculate_gain("tanh"))
            nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.s2(self.tanh(self.c1(x)))
        x = self.s4(self.tanh(self.c3(x)))
        x = self.average(self.tanh(self.c5(x)))
        x = self.tanh(self.f6(self.flatten(x)))
        return self.output(x)

    def train_setup(self, prm: dict) -> None:
        self.to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=prm["momentum"])

    def learn(self, train_data) -> None:
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criterion(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3.0)
            self.optimizer.step()
