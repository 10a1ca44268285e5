"""Packages that bring a task, a metric, a transform, a data set, a generator: installed and used.

The package is laid out as pip does, in a folder that only PYTHONPATH names, and used by the
command line in a process of its own.
"""

import json
import os
import subprocess
import sys

import pytest

TASK = """
from lemur2.tasks import ImageClassification
from third_party.constants import CHANNELS

class Flowers(ImageClassification):
    name = "flowers"
    metrics = ("acc", "half")

    def train_batches(self, *arguments, **options):
        from third_party.later import checked
        return checked(super().train_batches(*arguments, **options))
"""
METRIC = """
from lemur2.metrics.classification import Accuracy

class Half(Accuracy):
    name = "half"

    def result(self):
        return super().result() / 2
"""
TRANSFORM = """
from torchvision import transforms
from third_party.constants import SIDE

def transform(norm):
    return transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor()])
"""
DATASET = """
from lemur2.datasets.bundled import Digits

class Petals(Digits):
    name = "petals"
    task = "flowers"
    about = "digits by another name"
"""
GENERATOR = """
from dataclasses import dataclass, field
from pathlib import Path

from lemur2.architecture import Candidate
from lemur2.loop import Generator

SOURCE = (Path(__file__).parent / "net.txt").read_text()

@dataclass(frozen=True, kw_only=True)
class Widths:
    width: int = field(default=8, metadata={"help": "of the first"})

class Gardener(Generator[Widths]):
    name = "gardener"
    about = "linear networks with a head of the package"
    Config = Widths

    def __init__(self, config, seed):
        super().__init__(config, seed)
        self.next = config.width

    def ask(self, limit):
        self.next += limit
        widths = range(self.next - limit, self.next)
        sources = [SOURCE.replace("WIDTH", str(width)) for width in widths]
        return [Candidate(source=each, generator=self.name, prefix="G") for each in sources]

    def state(self):
        return {"next": self.next}

    def load_state(self, state):
        self.next = state["next"]
"""
NET = """
import torch
from torch import nn
from third_party.layers import Head

def supported_hyperparameters():
    return {"lr"}

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.body = nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], WIDTH)
        self.head = Head(WIDTH, out_shape[0])

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self(inputs), labels).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.head(self.body(x.flatten(1)))
"""
FILES = {
    "__init__.py": "",
    "constants.py": "CHANNELS, SIDE = 3, 12",
    "later.py": "def checked(batches):\n    return batches",
    "layers.py": "from torch import nn\n\nclass Head(nn.Linear):\n    pass\n",
    "tasks.py": TASK,
    "metrics.py": METRIC,
    "transforms.py": TRANSFORM,
    "datasets.py": DATASET,
    "generators.py": GENERATOR,
    "net.txt": NET,
    "broken.py": "raise ValueError('no luck\\ntoday')",
    "labels.txt": "0 1 2 3",
}
ANNOUNCED = {
    "tasks": {"flowers": "tasks:Flowers"},
    "metrics": {"half": "metrics:Half", "acc": "metrics:Half"},
    "transforms": {"twelve": "transforms:transform"},
    "datasets": {"petals": "datasets:Petals"},
    "generators": {
        "gardener": "generators:Gardener",
        "raises": "broken:Generator",
        "absent": "generators:Absent",
        "wrong": "layers:Head",
        "misnamed": "generators:Gardener",
        "fractal": "generators:Gardener",
    },
}


@pytest.fixture
def site(tmp_path):
    package, info = tmp_path / "site" / "third_party", tmp_path / "site" / "third_party-1.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    for name, text in FILES.items():
        (package / name).write_text(text)
    groups = [
        f"[lemur2.{group}]\n"
        + "".join(f"{name} = third_party.{where}\n" for name, where in points.items())
        for group, points in ANNOUNCED.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1\n")
    owned = [f"third_party/{name},," for name in FILES] + [f"{info.name}/METADATA,,"]
    (info / "RECORD").write_text("\n".join(owned) + "\n")
    return tmp_path / "site"


@pytest.fixture
def installed(site, tmp_path):
    """Run `lemur2 ARGUMENTS` with the package installed."""

    def run(*arguments):
        command = [sys.executable, "-c", "from lemur2.cli import main; main(prog_name='lemur2')"]
        place = {"LEMUR2_DB": str(tmp_path / "a.db"), "PYTHONPATH": str(site)}
        return subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, **place},
        )

    return run


def lines(ended):
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_each_kind_works_in_train(installed, tmp_path):
    (tmp_path / "net.py").write_text(NET.replace("WIDTH", "5"))
    options = ("--dataset", "petals", "--metric", "half", "--transform", "twelve", "--json")
    ended = installed("train", "net.py", *options)
    *_, last = lines(ended)
    assert last["verdict"] == "ok"
    assert 0 < last["score"] <= 0.5
    assert last["prm"]["transform"] == "twelve"
    assert last["parameters"] == (12 * 12 * 5 + 5) + (5 * 10 + 10)
    assert ended.stderr.count("the metric 'acc', which is built in: not used") == 1


def test_a_generator_of_a_package_grows_networks_that_use_the_package(installed):
    options = (
        "-n",
        "2",
        "--dataset",
        "petals",
        "--transform",
        "twelve",
        "--workers",
        "1",
        "--json",
    )
    found = lines(installed("grow", "gardener", *options))
    assert [line["verdict"] for line in found if "verdict" in line][:2] == ["ok", "ok"]


def test_help_lists_what_can_be_loaded_and_warns_of_the_rest(installed):
    ended = installed("grow", "--help")
    assert ended.returncode == 0
    assert "gardener" in ended.stdout
    assert "networks of parallel columns" in ended.stdout  # the built-in fractal
    said = ended.stderr.splitlines()
    assert all(line.startswith("lemur2: warning: ") for line in said)
    for words in (
        "'raises' cannot be loaded (ValueError: no luck today)",
        "'absent' cannot be loaded",
        "'wrong' is no Generator class",
        "'misnamed' has the name 'gardener', its entry point another",
        "announces the generator 'fractal', which is built in: not used",
    ):
        assert sum(words in line for line in said) == 1, words
    assert len(said) == 5


def test_what_is_asked_for_and_broken_is_one_error_line(installed):
    ended = installed("grow", "raises", "-n", "1", "--dataset", "digits")
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("lemur2: error: generator 'raises'")
    assert "third-party" in last
    assert "Traceback" not in ended.stderr


def test_workers_read_the_code_of_a_package_with_a_data_set_and_nothing_beside_it(
    installed, tmp_path
):
    network = NET.replace("WIDTH", "5")
    place = "importlib.util.find_spec('third_party').submodule_search_locations[0]"
    top = f"import importlib.util\nopen({place} + '/labels.txt').read()\n"
    (tmp_path / "net.py").write_text(network)
    (tmp_path / "reader.py").write_text(top + network)
    ended = installed("check", "net.py", "reader.py", "--task", "flowers", "--json")
    verdicts = [json.loads(line)["verdict"] for line in ended.stdout.splitlines()]
    assert verdicts == ["ok", "forbidden"]
