"""Networks as text, and their methods in another order."""

import ast

NETWORK = '''"""A small network."""
import torch
import torch.nn as nn


def supported_hyperparameters():
    """What it takes."""
    return {"lr"}


class Net(nn.Module):
    """The network."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.layers = nn.Sequential(  # one layer
            nn.Conv2d(in_shape[1], 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, out_shape[0]))

    def forward(self, x):
        return self.layers(x)

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self(inputs), labels).backward()
            self.optimizer.step()
'''


def reordered(source, random):
    """Methods of Net shuffled, where those of one name and helpers keep their order."""
    tree = ast.parse(source)
    known = {"__init__", "forward", "train_setup", "learn"}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Net":
            places = [
                place
                for place, each in enumerate(node.body)
                if isinstance(each, ast.FunctionDef) and each.name in known
            ]
            methods = [node.body[place] for place in places]
            random.shuffle(methods)
            for place, method in zip(places, methods, strict=True):
                node.body[place] = method
    return ast.unparse(tree)
