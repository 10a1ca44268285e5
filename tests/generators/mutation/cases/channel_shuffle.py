# change: conv.out_channels = 24
import torch
from torch import nn

def shuffle(x, groups):
    batch, channels, height, width = x.shape
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(batch, channels, height, width)


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.conv = nn.Conv2d(in_shape[1], 16, 1)
        # => self.conv = nn.Conv2d(in_shape[1], 24, 1)
        self.mixed = nn.Conv2d(16, 16, 3, padding=1, groups=4)
        # => self.mixed = nn.Conv2d(24, 16, 3, padding=1, groups=4)
        self.head = nn.Linear(16, out_shape[0])

    def forward(self, x):
        return self.head(self.mixed(shuffle(self.conv(x), 4)).mean((2, 3)))

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
