"""Mutations of layers, by what the file says afterwards; every one of them has run."""

import random

import pytest
from mutation_nets import net

from lemur2.generators.mutation import KINDS, Workshop
from lemur2.tasks import task

SOURCE = net(
    """
self.conv = nn.Conv2d(in_shape[1], 8, 3, stride=1, padding=1)
self.norm = nn.BatchNorm2d(8)
self.act = nn.ReLU()
self.pool = nn.MaxPool2d(2)
self.same = nn.Conv2d(8, 8, 3, padding=1, groups=2)
self.drop = nn.Dropout(0.2)
self.fc = nn.Linear(8, out_shape[0])
""",
    """
x = self.pool(self.act(self.norm(self.conv(x))))
return self.fc(self.drop(self.same(x).mean((2, 3))))
""",
).replace("\n", "\r\n")


@pytest.fixture
def workshop(engine):
    return Workshop(engine, task("img-classification"))


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "symbolic"])
def test_every_kind_finds_something_and_touches_only_what_it_names(workshop, kind):
    subject = workshop.open(SOURCE)
    attempt = workshop.attempt(subject, random.Random(1), [kind])
    assert attempt is not None, subject.planner.refused
    assert attempt.valid, attempt.verified.problem
    assert attempt.plan.kind == kind
    assert "\n" not in attempt.source.replace("\r\n", "")
    named = {edit.position[0] for edit in attempt.plan.edits}
    before, after = SOURCE.split("\r\n"), attempt.source.split("\r\n")
    if len(before) == len(after):
        assert {i for i, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b} <= named
    assert all(line in after for i, line in enumerate(before, 1) if i not in named)


def test_an_inserted_block_is_defined_once(workshop):
    source, rng = SOURCE, random.Random(3)
    for _ in range(12):
        attempt = workshop.attempt(workshop.open(source), rng, ["insert"])
        if attempt is not None and attempt.valid:
            source = attempt.source
    for block in ("SqueezeExcite", "ConvBlockAttention", "ResidualConv"):
        assert source.count(f"class {block}(") <= 1
    assert source.count("nn.Sequential(") >= 8


def test_a_network_without_numbers_has_no_width_to_change(workshop):
    source = net("self.fc = nn.Linear(in_shape[1], out_shape[0])", "return self.fc(x.mean((2, 3)))")
    subject = workshop.open(source)
    assert workshop.attempt(subject, random.Random(0), ["width", "kernel", "dropout"]) is None
    assert subject.planner.refused["kernel", "nothing to change, or all of it done"] == 1
