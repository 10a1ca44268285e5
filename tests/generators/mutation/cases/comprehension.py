# change: layers.1.out_channels = 40
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        widths = [in_shape[1], 16, 32]
        # => widths = [in_shape[1], 16, 40]
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 3) for a, b in zip(widths, widths[1:])])
        self.head = nn.Linear(widths[-1], out_shape[0])

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
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
