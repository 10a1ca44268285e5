# change: mixed.out_channels = 48
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.stem = nn.Conv2d(in_shape[1], 32, 3)
        self.mixed = nn.Conv2d(32, 32, 3, groups=4)
        # => self.mixed = nn.Conv2d(32, 48, 3, groups=4)
        self.again = nn.Conv2d(32, 16, 3, groups=4)
        # => self.again = nn.Conv2d(48, 16, 3, groups=4)
        self.head = nn.Linear(16, out_shape[0])

    def forward(self, x):
        return self.head(self.again(self.mixed(self.stem(x))).mean((2, 3)))

    def train_setup(self, prm):
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()


def supported_hyperparameters():
    return {"lr"}
