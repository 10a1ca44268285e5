"""Mutants of real networks: only planned lines change, and mutants of mutants stay valid."""

import random
from itertools import pairwise

import pytest

from lemur2.architecture import zoo_source
from lemur2.cli import main
from lemur2.generators.fractal import FractalConfig, FractalGenerator
from lemur2.generators.mutation import KINDS, CodeMutator, Workshop
from lemur2.tasks import task

TRIES = 12  # of a parent's, before a lineage has ended


@pytest.fixture
def workshop(engine):
    return Workshop(engine, task("img-classification"))


def fractal():
    return (
        FractalGenerator(FractalConfig(depths=(2,), columns=(2,), widths=(8,)), 0).ask(1)[0].source
    )


def shuffled(rng):
    kinds = list(KINDS)
    rng.shuffle(kinds)
    return kinds


def kept(mutator, plan):
    """The lines of the source that a plan does not name."""
    lines = mutator.source.splitlines(keepends=True)
    named = mutator.lines(plan.edits)
    return [line for number, line in enumerate(lines, 1) if number not in named]


def in_order(lines, text):
    """Whether a text holds these lines, one after the other."""
    rest = iter(text.splitlines(keepends=True))
    return all(line in rest for line in lines)


@pytest.mark.parametrize("name", ["ResNet20", "SqueezeNet", "fractal"])
def test_only_lines_that_the_plan_names_change(workshop, name):
    source = fractal() if name == "fractal" else zoo_source(name)
    planner = workshop.open(source).planner
    mutator, rng = CodeMutator(source), random.Random(0)
    seen = set()
    for kind in KINDS:
        for _ in range(5):
            plan = planner.plan([kind], rng)
            if plan is None:
                break
            seen.add(plan.kind)
            mutant = mutator.apply(plan.edits)
            assert mutant != source
            assert in_order(kept(mutator, plan), mutant)
    assert len(seen) > 4


def lineage(workshop, source, length, rng):
    """Mutants, each of the one before."""
    for _ in range(length):
        subject = workshop.open(source)
        for _ in range(TRIES):
            attempt = workshop.attempt(subject, rng, shuffled(rng))
            assert attempt is not None
            if attempt.valid:
                break
        assert attempt.valid, attempt.verified.problem
        source = attempt.source
        yield attempt


@pytest.mark.parametrize(
    "length", [5, pytest.param(50, marks=pytest.mark.slow)], ids=["a few", "fifty"]
)
def test_mutants_of_mutants_stay_valid(workshop, length):
    mutants = list(lineage(workshop, fractal(), length, random.Random(1)))
    assert len({mutant.source for mutant in mutants}) == length
    found = [(each.verified.facts.structure_digest, each.verified.outline) for each in mutants]
    assert all(one != other for one, other in pairwise(found))


NO_NUMBERS = """
from torch import nn

def supported_hyperparameters():
    return {"lr"}

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.fc = nn.LazyLinear(out_shape[0])

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.fc(x.flatten(1))
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "class Net"),
        ("class Net(:\n", "syntax"),
        (NO_NUMBERS.replace("out_shape[0])", "missing)"), "missing"),
    ],
    ids=["no Net", "no Python", "does not build"],
)
def test_what_cannot_be_a_parent_is_one_clear_line(tmp_path, capsys, text, said):
    file = tmp_path / "parent.py"
    file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["generate", "mutation", "--parent", str(file), "-n", "1", "--out", str(tmp_path)])
    captured = capsys.readouterr()
    assert ended.value.code in (1, 2)
    assert said in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert sorted(tmp_path.glob("ast-*")) == []
