"""Networks whose mutations a human can foretell."""

HEAD = """import torch
import torch.nn as nn


def supported_hyperparameters():
    return {"lr", "momentum", "dropout"}

"""

TAIL = """
    def train_setup(self, prm):
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()
"""


def net(init, forward, blocks=""):
    """A file with a network of this constructor and forward pass."""
    body = "".join(f"        {line}\n" for line in init.strip().splitlines())
    run = "".join(f"        {line}\n" for line in forward.strip().splitlines())
    return (
        f"{HEAD}{blocks}\nclass Net(nn.Module):\n"
        "    def __init__(self, in_shape, out_shape, prm, device):\n"
        f"        super().__init__()\n{body}\n    def forward(self, x):\n{run}{TAIL}"
    )
