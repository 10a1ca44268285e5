# change: stem.out_channels = 24
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.stem = nn.Conv2d(in_shape[1], 16, 3, padding=1)
        # => self.stem = nn.Conv2d(in_shape[1], 24, 3, padding=1)
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        # => self.conv = nn.Conv2d(24, 24, 3, padding=1)
        self.bn = nn.BatchNorm2d(16)
        # => self.bn = nn.BatchNorm2d(24)
        self.head = nn.Linear(16, out_shape[0])
        # => self.head = nn.Linear(24, out_shape[0])

    def forward(self, x):
        x = self.stem(x)
        y = self.bn(self.conv(x))
        y += x
        x = torch.relu(y)
        return self.head(x.mean((2, 3)))

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
