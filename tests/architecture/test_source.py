"""The Net contract, read from source text."""

import pickle

import pytest

from lemur2.architecture import (
    Architecture,
    Refusal,
    TransformSource,
    Verdict,
    canonical_digest,
    content_name,
    decode_source,
)

NET = """\
import torch
from torch import nn


def supported_hyperparameters():
    return {"lr", "momentum"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layer = nn.Linear(in_shape[1], out_shape[0])

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self(inputs)

    def forward(self, x):
        return self.layer(x)
"""


def refusal(source: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        Architecture.parse(source)
    return caught.value


def without(method: str) -> str:
    return NET.replace(f"def {method}(", "def unrelated(")


def test_a_plain_net_is_read_whole():
    net = Architecture.parse(NET, prefix="toy")
    assert net.source == NET
    assert net.name == content_name("toy", NET)
    assert net.digest == canonical_digest(NET)
    assert net.hyperparameters == {"lr", "momentum"}
    assert net.warnings == ()


def test_a_given_name_stands():
    assert Architecture.parse(NET, prefix="toy", name="ToyNet").name == "ToyNet"


@pytest.mark.parametrize("method", ["__init__", "train_setup", "learn", "forward"])
def test_a_missing_method_is_named_with_line_and_remedy(method):
    found = refusal(without(method))
    assert found.verdict is Verdict.CONTRACT
    assert method in found.reason
    assert found.line == 9
    assert f"def {method}(self" in found.remedy


@pytest.mark.parametrize("method", ["__init__", "train_setup", "learn", "forward"])
def test_a_method_may_come_from_a_class_of_the_same_file(method):
    base = (
        "class Base(nn.Module):\n    def "
        + {
            "__init__": "__init__(self, in_shape, out_shape, prm, device): ...",
            "train_setup": "train_setup(self, prm): ...",
            "learn": "learn(self, train_data): ...",
            "forward": "forward(self, x): ...",
        }[method]
    )
    source = without(method).replace("class Net(nn.Module)", base + "\n\nclass Net(Base)")
    assert Architecture.parse(source).warnings == ()


def test_a_method_may_come_from_an_imported_class_with_a_warning():
    source = without("learn").replace("class Net(nn.Module)", "class Net(lib.Learner)")
    (warning,) = Architecture.parse(source).warnings
    assert "learn" in warning
    assert "lib.Learner" in warning


def test_a_method_may_be_assigned():
    source = without("forward") + "\n    forward = unrelated\n"
    assert Architecture.parse(source).warnings == ()


def test_bases_in_a_circle_end_in_a_refusal():
    circle = "class A(Net): pass\nclass Net(A): pass\n"
    assert refusal(circle).verdict is Verdict.CONTRACT


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        ("learn(self, train_data)", "learn(self, batches)", "batches for train_data"),
        ("in_shape, out_shape, prm, device)", "a, out_shape, p, device)", "a for in_shape, p for"),
        ('{"lr", "momentum"}', '["lr", "momentum"]', "returns a list"),
        ('{"lr", "momentum"}', '{"lr": 0.1, "momentum": 0.9}', "returns a dict"),
    ],
)
def test_deviations_that_are_tolerated(before, after, warning):
    net = Architecture.parse(NET.replace(before, after))
    assert warning in " ".join(net.warnings)
    assert net.hyperparameters == {"lr", "momentum"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("in_shape, out_shape, prm, device)", "in_shape, out_shape)"),
        ("in_shape, out_shape, prm, device)", "in_shape, out_shape, prm, device, depth)"),
        ("in_shape, out_shape, prm, device)", "in_shape, out_shape, prm, device, *, depth)"),
        ("learn(self, train_data)", "learn(self)"),
        ("def supported_hyperparameters()", "def supported_hyperparameters(self)"),
        ("class Net(nn.Module)", "class Network(nn.Module)"),
        ("class Net(nn.Module)", "class Net"),
        ("def supported_hyperparameters", "def hyperparameters"),
    ],
)
def test_what_breaks_the_contract(before, after):
    found = refusal(NET.replace(before, after))
    assert found.verdict is Verdict.CONTRACT
    assert found.remedy


ORDINARY = """\
import torch
from torch import nn


class Block(nn.Module):
    def forward(self, x):
        return x


class SmallCNN(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x)
"""


@pytest.mark.parametrize("name", ["SmallCNN", "Net"])
def test_an_ordinary_module_is_told_at_once_all_that_it_misses(name):
    found = refusal(ORDINARY.replace("SmallCNN", name))
    wanted = [
        "write: class Net(nn.Module):",
        "write: def __init__(self, in_shape, out_shape, prm, device):",
        "add: def train_setup(self, prm):",
        "add: def learn(self, train_data):",
        "add at the top level: def supported_hyperparameters(): return {'lr', 'momentum'}",
    ]
    lines = found.lines()
    assert len(lines) == (4 if name == "Net" else 5)
    for line, written in zip(lines, wanted[-len(lines) :], strict=True):
        assert written in line
        assert line in str(found)
    assert lines[0].startswith("line 10: " if name == "SmallCNN" else "line 11: ")
    assert "\n" not in str(found)
    assert pickle.loads(pickle.dumps(found)).lines() == lines


def test_what_is_written_as_it_says_keeps_the_contract():
    """The lines to add, added."""
    methods = "".join(
        f"    {line.split('add: ')[1]}\n        pass\n"
        for line in refusal(
            ORDINARY.replace("SmallCNN", "Net").replace(
                "classes=10", "in_shape, out_shape, prm, device"
            )
        ).lines()[:2]
    )
    function = "def supported_hyperparameters(): return {'lr', 'momentum'}\n"
    source = ORDINARY.replace("SmallCNN", "Net")
    source = source.replace("classes=10", "in_shape, out_shape, prm, device")
    assert Architecture.parse(f"{source}\n{methods}\n\n{function}").hyperparameters


@pytest.mark.parametrize(
    "parameters",
    ["*args", "in_shape, *rest", "in_shape, out_shape, prm, device, depth=3, *, width=8"],
)
def test_constructors_that_can_be_called_as_the_contract_has_it(parameters):
    source = NET.replace("in_shape, out_shape, prm, device)", f"{parameters})")
    assert Architecture.parse(source).name


def test_definitions_inside_if_and_try_count_and_the_last_one_wins():
    guarded = NET.replace(
        "def supported_hyperparameters():\n    return",
        "try:\n    import extra\nexcept ImportError:\n"
        "    def supported_hyperparameters(): return {'late'}\n"
        "def supported_hyperparameters():\n    return",
    )
    assert Architecture.parse(guarded).hyperparameters == {"lr", "momentum"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return {'lr'}", {"lr"}),
        ("return set(['lr', 'width'])", {"lr", "width"}),
        ("return frozenset(('lr',))", {"lr"}),
        ("return set()", set()),
        ("names = {'lr', 'decay'}\n    return names", {"lr", "decay"}),
        ("return DECLARED", {"lr", "momentum", "dropout"}),
        ("return {'lr'} | {'momentum'}", None),
        ("return {'lr', other}", None),
        ("return compute()", None),
        ("return unknown", None),
        ("if flag:\n        return {'a'}\n    return {'b'}", None),
        ("def inner():\n        return {'no'}\n    return {'yes'}", {"yes"}),
        ("pass", None),
    ],
)
def test_hyperparameters_are_read_where_they_are_literal(body, expected):
    source = NET.replace('return {"lr", "momentum"}', body)
    source += "\nDECLARED: set = {'lr', 'momentum', 'dropout'}\n"
    assert Architecture.parse(source).hyperparameters == expected


@pytest.mark.parametrize(
    "source",
    [
        "class Net(:",
        "x = 1\n\0",
        "x = '\ud800'",
        "x = " + "(" * 100_000,
        "x = " + "-" * 100_000 + "1",
        "x = " + "+".join(["1"] * 100_000),
        "x = a" + ".b" * 100_000,
        "x = a" + "()" * 100_000,
        "if a: pass\n" + "elif a: pass\n" * 20_000,
        "x = " + "9" * 5_000,
        "x = 1\n" * 200_000,
        "\ufeffx = 1",
        "if a:\n\tx = 1\n        y = 2",
    ],
    ids=lambda source: f"{source[:12]!r}...",
)
def test_hostile_text_is_a_syntax_refusal(source):
    for parse in (Architecture.parse, TransformSource.parse, canonical_digest):
        with pytest.raises(Refusal) as caught:
            parse(source)
        assert caught.value.verdict is Verdict.SYNTAX
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "extra",
    [
        "x = " + "0x" + "f" * 100_000,
        "x = " + "<".join(["a"] * 50_000),
        "if a: pass\n" + "elif a: pass\n" * 900,
        "\n".join(f"class A{i}(A{i + 1}): pass" for i in range(10_000)),
        "x = '\\d'",
    ],
    ids=lambda source: f"{source[:12]!r}...",
)
def test_odd_text_that_python_takes_is_taken(extra, recwarn):
    assert Architecture.parse(f"{NET}\n{extra}\n").hyperparameters == {"lr", "momentum"}
    assert not recwarn


def test_a_syntax_refusal_has_the_line():
    found = refusal("x = 1\ny = 2\nclass Net(:\n")
    assert found.line == 3
    assert str(found).startswith("line 3: ")


def test_bytes_are_read_as_utf8_only():
    assert decode_source("\ufeffx = 'ä'".encode()) == "x = 'ä'"
    with pytest.raises(Refusal) as caught:
        decode_source(b"# coding: latin-1\nx = '\xe4'")
    assert (caught.value.verdict, caught.value.line) == (Verdict.SYNTAX, 2)


def test_a_refusal_survives_pickling():
    before = Refusal(Verdict.BUILD, "no", line=3, remedy="mend")
    after = pickle.loads(pickle.dumps(before))
    assert (after.verdict, after.reason, after.line, after.remedy) == ("build", "no", 3, "mend")


@pytest.mark.parametrize("parameter", ["norm", "mean_std", "norm, flip=False", "*norm"])
def test_a_transform_takes_one_argument_of_any_name(parameter):
    source = f"def transform({parameter}):\n    return None\n"
    read = TransformSource.parse(source, name="mine")
    assert (read.name, read.digest) == ("mine", canonical_digest(source))
    assert TransformSource.parse(source, prefix="T").name == content_name("T", source)


@pytest.mark.parametrize(
    "source", ["x = 1\n", "def transform():\n    pass\n", "def transform(a, b):\n    pass\n", NET]
)
def test_what_is_no_transform(source):
    with pytest.raises(Refusal) as caught:
        TransformSource.parse(source)
    assert caught.value.verdict is Verdict.CONTRACT
    assert "transform" in caught.value.reason
