"""Small trusted candidates: what warms workers up, and what conformance suites run."""

SMALL_NETWORK = """
import torch
from torch import nn

def supported_hyperparameters():
    return {"lr"}

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.MaxPool2d(2), nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, out_shape[0]))

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.layers(x)
"""

SMALL_TRANSFORM = """
from torchvision import transforms


def transform(norm):
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(*norm)])
"""

SMALL_BLOCK = """
from torch import nn


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.layer(x)
"""
