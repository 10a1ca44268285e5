"""What sources tell without being run."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Refusal, zoo_names, zoo_source
from lemur2.architecture.facts import FLAGS, StaticFacts, static_facts

# Network: its depth as this reads it, and its traits. AlexNet, the VGGs and DenseNet have the depth
# of their papers; ResNets count the projections of shortcuts that stand in an `if`.
ZOO = {
    "AlexNet": (8, {"convolution"}),
    "VGG11": (11, {"convolution"}),
    "VGG16": (16, {"convolution"}),
    "LeNet": (5, {"convolution"}),
    "ResNet18": (18 + 8, {"convolution", "residual", "normalisation"}),
    "ResNet50": (50 + 16, {"convolution", "residual", "normalisation"}),
    "DenseNet121": (121, {"convolution", "concatenation", "normalisation"}),
    "GoogLeNet": (58, {"convolution", "concatenation", "normalisation"}),
    "SqueezeNet": (26, {"convolution", "concatenation"}),
    "MobileNetV2": (54, {"convolution", "residual", "normalisation"}),
    "LSTM": (2, {"recurrent"}),
    "RNN": (2, {"recurrent"}),
    "Transformer": (13, {"attention", "residual", "normalisation"}),
}
EVERYTHING = {"convolution", "attention", "residual", "concatenation", "normalisation"}


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo(name):
    facts = static_facts(zoo_source(name))
    assert (facts.depth, set(facts.flags)) == ZOO[name]


@pytest.mark.parametrize("name", ["VisionTransformer", "SwinTransformerTiny"])
def test_vision_transformers_have_it_all(name):
    assert set(static_facts(zoo_source(name)).flags) == EVERYTHING


@pytest.mark.parametrize("name", zoo_names())
def test_json_and_size(name):
    source = zoo_source(name)
    facts = static_facts(source)
    assert StaticFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert facts.characters == len(source)
    assert facts.lines == len([line for line in source.splitlines() if line.strip()])
    assert "torch" in facts.imports
    assert facts.modules >= 1
    assert facts.nodes > facts.lines


def net(constructor: str = "pass", forward: str = "return x", head: str = "") -> StaticFacts:
    indent = "\n        "
    return static_facts(
        "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
        f"{head}\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, in_shape, out_shape, prm, device):\n"
        f"        {indent.join(constructor.splitlines())}\n"
        "    def forward(self, x):\n"
        f"        {indent.join(forward.splitlines())}\n"
    )


@pytest.mark.parametrize(
    "forward",
    [
        "return x + self.f(x)",
        "y = self.f(x)\nreturn y + x",
        "y = self.f(x)\ny += x\nreturn y",
        "return torch.add(self.f(x), x)",
        "return self.f(x).add_(x)",
        "identity = x\nx = self.f(x)\nreturn F.relu(x + identity)",
        "for layer in self.layers:\n    x = x + layer(x)\nreturn x",
    ],
)
def test_residual_however_it_is_written(forward):
    assert net(forward=forward).residual


@pytest.mark.parametrize(
    "forward",
    [
        "return x + 1",
        "return self.f(x) + self.bias",
        "n = x.size(0) + x.shape[1]\nreturn x.view(n)",
        "x = self.f(x)\nn = len(x) + len(x)\nreturn x",
        "y = torch.zeros(3)\nreturn y + y",
    ],
)
def test_what_is_no_residual(forward):
    assert not net(forward=forward).residual


def test_additions_elsewhere_are_no_residual():
    assert not net("a = in_shape[1] + out_shape[0]\nself.n = a + a").residual
    helper = "def make(a, b):\n    return nn.Linear(a + b, a)\n"
    assert not net("self.f = make(3, 4)", head=helper).residual
    assert net(forward="return join(x, x)", head="def join(a, b):\n    return a + b\n").residual


@pytest.mark.parametrize(
    ("constructor", "trait"),
    [
        ("self.f = nn.ConvTranspose2d(1, 2, 3)", "convolution"),
        ("self.f = torch.nn.Conv1d(1, 2, 3)", "convolution"),
        ("self.f = build(norm=nn.BatchNorm2d)", "normalisation"),
        ("self.f = nn.LSTMCell(1, 2)", "recurrent"),
        ("self.f = nn.MultiheadAttention(8, 2)", "attention"),
        ("self.f = nn.TransformerEncoderLayer(8, 2)", "attention"),
    ],
)
def test_traits_of_layers(constructor, trait):
    assert net(constructor).flags == (trait,)


@pytest.mark.parametrize(
    ("forward", "trait"),
    [
        ("return F.conv2d(x, self.w)", "convolution"),
        ("return F.layer_norm(x, (3,))", "normalisation"),
        ("return F.scaled_dot_product_attention(x, x, x)", "attention"),
        ("w = torch.softmax(x @ self.k, -1)\nreturn w @ x", "attention"),
        ("w = torch.einsum('ab,cb->ac', x, x).softmax(-1)\nreturn torch.bmm(w, x)", "attention"),
        ("return torch.cat([x, self.f(x)], 1)", "concatenation"),
    ],
)
def test_traits_of_functions(forward, trait):
    assert net(forward=forward).flags == (trait,)


def test_a_softmax_alone_is_no_attention():
    assert not net(forward="return torch.softmax(self.f(x) @ self.w, -1)").attention


@pytest.mark.parametrize(
    "head",
    [
        "from torch.nn import Conv2d as C",
        "from torch.nn import *\nC = Conv2d(1, 2, 3)",
        "import torch.nn.modules.conv\nC = torch.nn.modules.conv.Conv2d(1, 2, 3)",
        "from torch import nn as layers\nC = layers.Conv2d(1, 2, 3)",
    ],
)
def test_imports_in_every_form(head):
    source = f"{head}\n" + ("" if "C =" in head else "C(1, 2, 3)\n")
    facts = static_facts(source)
    assert (dict(facts.layers), facts.convolution) == ({"Conv2d": 1}, True)


def test_other_classes_of_such_a_name_are_none():
    facts = static_facts("import mine as nn\nclass Conv2d: pass\nnn.Conv2d(1)\nConv2d(2)\n")
    assert (dict(facts.layers), facts.flags) == ({}, ())


def test_containers_losses_and_parameters_are_no_layers():
    facts = net(
        "self.f = nn.Sequential(nn.ReLU())\nself.l = nn.MSELoss()\nself.p = nn.Parameter(1)"
    )
    assert dict(facts.layers) == {"ReLU": 1}


@pytest.mark.parametrize(
    ("constructor", "depth"),
    [
        ("self.f = nn.Sequential(*[nn.Linear(4, 4) for _ in range(5)])", 5),
        ("for _ in range(2):\n    for w in (1, 2, 3):\n        nn.Linear(w, w)", 6),
        ("n = 4\nfor _ in range(n):\n    nn.Linear(1, 1)", 4),
        ("for _ in range(1, 4):\n    nn.Linear(1, 1)", 3),
        ("for _ in range(prm['n']):\n    nn.Linear(1, 1)", 1),
        ("for n in (1, 2, 3):\n    for _ in range(n):\n        nn.Linear(1, 1)", 6),
        ("for i, n in enumerate([2, 5]):\n    for _ in range(n):\n        nn.Linear(1, 1)", 7),
        ("for w, n in zip([8, 9], [2, 5]):\n    for _ in range(n):\n        nn.Linear(w, w)", 7),
        ("if prm:\n    nn.Linear(1, 1)\nelif device:\n    pass\nelse:\n    Three()", 3),
        ("make(4)\nmake(n=2)\nmake()", 4 + 2 + 1),
        ("with x:\n    nn.Linear(1, 1)\ntry:\n    nn.ReLU()\nfinally:\n    Three()", 4),
        ("again()", 1),
        ("self.f = lambda: nn.Linear(1, 1)", 0),
        ("super().__init__()\nself.a = Inherits()", 3),
    ],
)
def test_depth(constructor, depth):
    head = (
        "class Three(nn.Module):\n    def __init__(self):\n"
        "        self.all = [nn.Conv2d(1, 1, 1), nn.GRU(1, 1), nn.Linear(1, 1), nn.ReLU()]\n"
        "class Inherits(Three):\n    pass\n"
        "def make(n=1):\n    return [nn.Linear(1, 1) for _ in range(n)]\n"
        "def again():\n    nn.Linear(1, 1)\n    again()\n"
    )
    assert net(constructor, head=head).depth == depth


def test_hostile_sources_end_soon():
    deep = "\n".join(f"def f{n}(a):\n    f{n + 1}(a)\n    f{n + 1}(a + 1)" for n in range(300))
    loops = "for i in range(10**9):\n    for j in range(1000000000):\n        nn.Linear(1, 1)"
    chain = "x = x " + "+ x" * 2000
    branches = "\n".join(f"{'el' if n else ''}if x == {n}:\n    x = {n}" for n in range(300))
    assert net("f0(1)", head=deep).depth == 0
    assert net(loops).depth == 100_000
    assert net(branches, chain).residual
    ways = "\n".join(f"for a{n} in {list(range(60))}:\n    g({n}, a{n})" for n in range(60))
    assert net(ways, head="def g(a, b):\n    return nn.Linear(a, b)\n").depth <= 3600


def test_what_does_not_parse():
    with pytest.raises(Refusal):
        static_facts("class Net(")


@given(st.text(st.characters(), max_size=80) | st.sampled_from(["", "\f", "x = 1", "Net = 1"]))
@settings(max_examples=60, deadline=None)
def test_any_text(text):
    try:
        facts = static_facts(text)
    except Refusal:
        return
    assert facts.depth == 0
    assert set(facts.flags) <= set(FLAGS)
