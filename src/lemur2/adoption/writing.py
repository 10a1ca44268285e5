"""The texts of adopted networks: the module, and a Net around it with a stated recipe."""

from __future__ import annotations

import ast
import io
import tokenize
from textwrap import indent

from lemur2.adoption.constructor import constructor
from lemur2.architecture.syntax import parse_tree

RECIPE = "SGD with momentum on the cross-entropy, gradients clipped at a norm of 1"
_OWN_NAME = "AdoptedNet"

_NET = '''

# -- adopted: what follows makes a network of it that trains itself ({recipe}) --

import torch as _torch  # noqa: E402


def supported_hyperparameters():
    return {{"lr", "momentum"}}


class Net(_torch.nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device, self.classes = device, out_shape[0]
{made}

    def train_setup(self, prm):
        self.to(self.device)
        self.criterion = _torch.nn.CrossEntropyLoss()
        self.optimizer = _torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=prm["momentum"])

    def learn(self, train_data):
        self.train()
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            first, *others = self._scores(self(inputs))
            loss = self.criterion(first, labels)
            for scores in others:  # of auxiliary classifiers
                loss = loss + 0.3 * self.criterion(scores, labels)
            loss.backward()
            _torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            self.optimizer.step()

    def forward(self, x):
        return {forward}

    def _scores(self, output):
        """The tensors in an output that have a score for every class, the main one first."""
        if isinstance(output, _torch.Tensor):
            return [output] if output.shape[-1] == self.classes else []
        parts = output.values() if isinstance(output, dict) else output
        return [scores for part in parts if part is not None for scores in self._scores(part)]
'''


def from_file(source: str, wanted: str, place: str) -> str:
    """A Net file of a class in a user's file, which stays as it is above it.

    Args:
        source: The file.
        wanted: Name of the class; "" takes its only or last module.
        place: What to call the file in messages.

    Raises:
        Refusal: It is no Python.
        UserError: The class cannot be adopted; the message says why.
    """
    tree = parse_tree(source)
    made = constructor(tree, wanted, place)
    name = made.name
    if any(isinstance(each, ast.ClassDef) and each.name == "Net" for each in tree.body):
        source = _renamed(source, "Net", _OWN_NAME)
        name = _OWN_NAME if name == "Net" else name
    net = _net(f"self.model = {name}({made.call})")
    return source.rstrip() + "\n" + net


def from_library(source: str, module: str, wanted: str) -> str:
    """A Net file of a class of an installed library, which it imports.

    Args:
        source: Text of the library's module.
        module: Its dotted name.
        wanted: Name of the class.
    """
    made = constructor(parse_tree(source), wanted, module)
    head = f'"""{wanted} of {module}."""\n\nfrom {module} import {made.name}\n'
    return head + _net(f"self.model = {made.name}({made.call})")


def from_timm(name: str) -> str:
    """A Net file of a model of timm, which it imports."""
    head = f'"""timm\'s {name}, without pretrained weights."""\n\nimport timm\n'
    made = f"""sizes = {{"num_classes": out_shape[0], "in_chans": in_shape[1]}}
try:
    self.model = timm.create_model({name!r}, img_size=tuple(in_shape[2:]), **sizes)
except TypeError:  # it takes inputs of any size
    self.model = timm.create_model({name!r}, **sizes)"""
    return head + _net(made)


def from_torchvision(name: str) -> str:
    """A Net file of a classification model of torchvision, which it imports."""
    head = f'"""torchvision\'s {name}, without pretrained weights."""\n\n'
    head += "from torchvision import models\n"
    made = f"""channels = in_shape[1]
self.colours = _torch.nn.Identity() if channels == 3 else _torch.nn.Conv2d(channels, 3, 1)
sizes = {{"weights": None, "num_classes": out_shape[0]}}
try:
    self.model = models.get_model({name!r}, image_size=in_shape[2], **sizes)
except TypeError:  # it takes inputs of any size
    self.model = models.get_model({name!r}, **sizes)"""
    return head + _net(made, "self.model(self.colours(x))")


def _net(made: str, forward: str = "self.model(x)") -> str:
    return _NET.format(recipe=RECIPE, made=indent(made, " " * 8), forward=forward)


def _renamed(source: str, old: str, new: str) -> str:
    """A source in which a name is another one, everywhere but in texts and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = source.splitlines(keepends=True)
    found = [t.start for t in tokens if t.type == tokenize.NAME and t.string == old]
    for row, column in reversed(found):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new + line[column + len(old) :]
    return "".join(lines)
