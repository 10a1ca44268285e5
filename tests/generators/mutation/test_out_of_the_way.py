"""Layers that are built late, that hand their arguments on, or that another file makes."""

import random

import pytest
from mutation_nets import net

from lemur2.generators.mutation.workshop import Workshop
from lemur2.tasks import task

LAZY = net(
    "self.b = nn.Sequential(nn.LazyConv2d(8, 3, padding=1), nn.ReLU(), nn.Flatten(),"
    " nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(out_shape[0]))",
    "return self.b(x)",
)
ROWS = """b, c, h, w = x.shape
y, _ = self.l(x.permute(0, 2, 1, 3).reshape(b, h, c * w))
return self.f(y[:, -1])"""
IMPORTED = net(
    "import torchvision\nself.m = torchvision.models.shufflenet_v2_x0_5(num_classes=out_shape[0])",
    "return self.m(x)",
)


@pytest.fixture
def workshop(engine):
    return Workshop(engine, task("img-classification"))


def edits(workshop, source, *kinds, most=4):
    """What valid mutations of these kinds say."""
    subject = workshop.open(source)
    said, rng = [], random.Random(0)
    while len(said) < most and (made := workshop.attempt(subject, rng, kinds)) is not None:
        assert made.valid, made.verified.problem
        said.append(made.plan.says)
    return said


def test_widths_of_lazy_layers(workshop):
    said = " ".join(edits(workshop, LAZY, "width", most=6))
    assert "b.0: out_channels 8 -> " in said
    assert "b.3: out_features 16 -> " in said


def test_layers_beside_lazy_ones(workshop):
    assert edits(workshop, LAZY, "activation", "insert", most=3)


@pytest.mark.parametrize(
    ("made", "out"),
    [
        ("nn.LSTM(in_shape[1] * in_shape[3], 32, batch_first=True)", 32),
        ("nn.GRU(in_shape[1] * in_shape[3], hidden_size=32, num_layers=2, batch_first=True)", 32),
        ("nn.RNN(in_shape[1] * in_shape[3], 32, 1, batch_first=True)", 32),
        ("nn.LSTM(in_shape[1] * in_shape[3], 32, batch_first=True, bidirectional=True)", 64),
        ("nn.LSTM(in_shape[1] * in_shape[3], 32, batch_first=True, proj_size=16)", 16),
    ],
)
def test_sizes_of_recurrent_layers(workshop, made, out):
    source = net(f"self.l = {made}\nself.f = nn.Linear({out}, out_shape[0])", ROWS)
    follows = "; follows f (in_features" if "proj" not in made else ""
    for text in edits(workshop, source, "width", most=2):
        assert text.startswith("l: hidden_size 32 -> ")
        assert follows in text
    layers = 2 if "layers" in made else 1
    assert edits(workshop, source, "repeat", most=1) == [f"l: num_layers {layers} -> {layers + 1}"]


def test_layers_that_another_file_makes(workshop):
    pytest.importorskip("torchvision")
    subject = workshop.open(IMPORTED)
    assert workshop.attempt(subject, random.Random(0)) is None
    said = subject.planner.parent.out_of_reach()
    assert said.startswith("113 layers (m.conv1.0, m.conv1.1, m.stage2.0.branch1.0, ")
    assert "are made inside torchvision.models.shufflenet_v2_x0_5 (line " in said
    assert said.endswith("), whose code is not in the file")
    assert workshop.open(LAZY).planner.parent.out_of_reach() == ""
