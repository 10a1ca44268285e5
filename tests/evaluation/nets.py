"""Source text of small networks, right but for what a test changes."""

LEARN = """
        self.train()
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self(inputs), labels).backward()
            self.optimizer.step()
"""


def net(
    *,
    top: str = "",
    declared: str = '{"lr"}',
    build: str = "pass",
    forward: str = "return self.head(x.flatten(1))",
    learn: str = LEARN,
) -> str:
    """A linear classifier of 32x32 images; each argument replaces one part of it."""
    return f"""\
import torch
from torch import nn
{top}

def supported_hyperparameters():
    return {declared}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.head = nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])
        {build}

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        {learn.strip()}

    def forward(self, x):
        {forward}
"""
