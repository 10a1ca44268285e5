"""What the README shows is true."""

import importlib
import json
import re
from pathlib import Path

from lemur2.architecture import Architecture, zoo_names
from lemur2.cli.group import COMMANDS

README = (Path(__file__).parents[1] / "README.md").read_text()
PERCEPTRON = """
from torch import nn

def supported_hyperparameters():
    return {{"lr"}}

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.LazyLinear({width}), nn.ReLU())

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.layers(x)
"""


def test_the_example_generator_proposes_networks(tmp_path, monkeypatch):
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "Perceptron" in b)
    (tmp_path / "perceptron.py.txt").write_text(PERCEPTRON)
    (tmp_path / "readme_example.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    kind = importlib.import_module("readme_example").PerceptronGenerator
    generator = kind(kind.Config(widest=10**9), 0)
    first = generator.ask(5)
    state = json.loads(json.dumps(generator.state()))
    again = kind(kind.Config(widest=10**9), 0)
    again.load_state(state)
    assert again.ask(3) == generator.ask(3)
    names = {Architecture.parse(each.source, prefix=each.prefix).name for each in first}
    assert len(names) == 5


def test_every_command_shown_is_there():
    shown = set(re.findall(r"\$ lemur2 (\w+)", README))
    assert shown
    assert shown <= set(COMMANDS)


def test_the_zoo_has_as_many_files_as_it_says():
    assert f"{len(zoo_names())} hand-written examples" in README
