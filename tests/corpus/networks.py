"""Networks to compare: a plain one, and edits of it."""

from lemur2.architecture import canonical_digest
from lemur2.corpus.dedupe import Entry

PLAIN = '''
import torch.nn as nn
import torch.nn.functional as F
import torch


def supported_hyperparameters():
    return {"lr", "momentum"}


class Net(nn.Module):
    """A plain one."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.first = nn.Conv2d(in_shape[1], 16, 3, padding=1)
        self.second = nn.Conv2d(16, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.out = nn.Linear(32, out_shape[0])

    def train_setup(self, prm):
        self.to(self.device)
        self.criteria = nn.CrossEntropyLoss().to(self.device)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=prm["momentum"])

    def learn(self, train_data):
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = self.criteria(self(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3)
            self.optimizer.step()

    def forward(self, x):
        x = F.relu(self.first(x))
        x = F.relu(self.norm(self.second(x)))
        return self.out(self.pool(x).flatten(1))
'''

RENAMED = (
    PLAIN.replace("self.first", "self.stem")
    .replace("self.second", "self.body")
    .replace("inputs", "images")
    .replace("labels", "classes")
    .replace("(self, x)", "(self, batch)")
    .replace("(x)", "(batch)")
    .replace("x = F", "batch = F")
)
COMMENTED = PLAIN.replace('"""A plain one."""', '"""Another text."""  # and a comment')
BLANKS = PLAIN.replace("\n\n    def", "\n\n\n\n    def").replace(", 3, ", ",  3,  ")
POSITIONAL = PLAIN.replace("in_shape[1], 16, 3", "in_shape[1], 64, 7").replace("(16, 32", "(64, 32")
BROKEN = PLAIN.replace("class Net(nn.Module):", "class Net(nn.Module)")


def entry(number: int, source: str, **values) -> Entry:
    digest = "" if "class Net(nn.Module)\n" in source else canonical_digest(source)
    given = {"name": f"N-{number}", "family": "N", "digest": digest}
    return Entry(id=number, source=source, **{**given, **values})


def program(numbers: list[int]) -> str:
    """A file whose likeness to others is that of its numbers."""
    body = "\n".join(f"    x = layer_{n}(x, {n}, {n + 1}, {n + 2}, {n + 3})" for n in numbers)
    return f"def run(x):\n{body}\n    return x\n"
