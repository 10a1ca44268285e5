"""A width changes with all that depends on it, in the source, and the file runs."""

import random
from difflib import unified_diff

import pytest
from mutation_nets import net

from lemur2.generators.mutation import CodeMutator, Workshop, verify
from lemur2.generators.mutation.sizes import _first
from lemur2.tasks import task


@pytest.fixture
def workshop(engine):
    return Workshop(engine, task("img-classification"))


def widened(workshop, source, module, new, argument="out_channels"):
    """The file after a layer was given another width, verified."""
    subject = workshop.open(source)
    parent = subject.planner.parent
    target = next(each for each in parent.trace.modules if each.name == module)
    plan = _first(parent, "width", target, [(target.arguments[argument], new)])()
    changed = CodeMutator(source).apply(plan.edits)
    known = (subject.facts, subject.outline)
    found = verify(workshop.engine, workshop.task, parent.trace.size, changed, plan, known)
    assert not found.problem
    return changed


def changed_lines(before, after):
    """What a diff takes away and adds."""
    lines = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    parts = [each for each in lines if each[0] in "+-" and each[:3] not in ("+++", "---")]
    return [each[0] + " ".join(each[1:].split()) for each in parts]


CASES = {
    "literals": (
        net(
            """
            self.conv1 = nn.Conv2d(in_shape[1], 32, 3, padding=1)  # first
            self.bn = nn.BatchNorm2d(32)
            self.fc = nn.Linear(32, out_shape[0])
            """.replace("            ", ""),
            "return self.fc(self.bn(self.conv1(x)).mean((2, 3)))",
        ),
        "conv1",
        48,
        [
            "-self.conv1 = nn.Conv2d(in_shape[1], 32, 3, padding=1) # first",
            "-self.bn = nn.BatchNorm2d(32)",
            "-self.fc = nn.Linear(32, out_shape[0])",
            "+self.conv1 = nn.Conv2d(in_shape[1], 48, 3, padding=1) # first",
            "+self.bn = nn.BatchNorm2d(48)",
            "+self.fc = nn.Linear(48, out_shape[0])",
        ],
    ),
    "a variable": (
        net(
            """
            width = 32
            self.conv1 = nn.Conv2d(in_shape[1], width, 3, padding=1)
            self.fc = nn.Linear(width, out_shape[0])
            """.replace("            ", ""),
            "return self.fc(self.conv1(x).mean((2, 3)))",
        ),
        "conv1",
        48,
        ["-width = 32", "+width = 48"],
    ),
    "flattened": (
        net(
            """
            self.conv1 = nn.Conv2d(in_shape[1], 8, 3, padding=1)
            self.pool = nn.AdaptiveAvgPool2d((4, 4))
            self.fc = nn.Linear(8 * 4 * 4, out_shape[0])
            """.replace("            ", ""),
            "return self.fc(torch.flatten(self.pool(self.conv1(x)), 1))",
        ),
        "conv1",
        12,
        [
            "-self.conv1 = nn.Conv2d(in_shape[1], 8, 3, padding=1)",
            "+self.conv1 = nn.Conv2d(in_shape[1], 12, 3, padding=1)",
            "-self.fc = nn.Linear(8 * 4 * 4, out_shape[0])",
            "+self.fc = nn.Linear(12 * 4 * 4, out_shape[0])",
        ],
    ),
    "a list and a loop": (
        net(
            """
            layers, before = [], in_shape[1]
            for width in [16, 32, 64]:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width)]
                before = width
            self.layers = nn.Sequential(*layers)
            self.fc = nn.Linear(before, out_shape[0])
            """.replace("            ", ""),
            "return self.fc(self.layers(x).mean((2, 3)))",
        ),
        "layers.2",
        40,
        ["-for width in [16, 32, 64]:", "+for width in [16, 40, 64]:"],
    ),
    "concatenated": (
        net(
            """
            self.one = nn.Conv2d(in_shape[1], 8, 3, padding=1)
            self.other = nn.Conv2d(in_shape[1], 16, 5, padding=2)
            self.both = nn.Conv2d(24, 10, 1)
            self.fc = nn.Linear(10, out_shape[0])
            """.replace("            ", ""),
            """
            x = torch.cat([self.one(x), self.other(x)], dim=1)
            return self.fc(self.both(x).mean((2, 3)))
            """.replace("            ", ""),
        ),
        "other",
        32,
        [
            "-self.other = nn.Conv2d(in_shape[1], 16, 5, padding=2)",
            "-self.both = nn.Conv2d(24, 10, 1)",
            "+self.other = nn.Conv2d(in_shape[1], 32, 5, padding=2)",
            "+self.both = nn.Conv2d(40, 10, 1)",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_width_takes_along_what_depends_on_it(workshop, case):
    source, module, new, expected = CASES[case]
    changed = changed_lines(source, widened(workshop, source, module, new))
    assert sorted(changed) == sorted(expected)


@pytest.mark.parametrize(
    "spelled",
    ["x + y", "torch.add(x, y)", "x.add(y)", "y.add_(x)", "torch.stack([x, y]).sum(0)"],
)
def test_a_residual_is_one_by_any_spelling(workshop, spelled):
    source = net(
        """
self.stem = nn.Conv2d(in_shape[1], 16, 3, padding=1)
self.conv = nn.Conv2d(16, 16, 3, padding=1)
self.fc = nn.Linear(16, out_shape[0])
""",
        f"""
x = self.stem(x)
y = self.conv(x)
x = {spelled}
return self.fc(x.mean((2, 3)))
""",
    )
    changed = widened(workshop, source, "conv", 24)
    assert "nn.Conv2d(in_shape[1], 24, 3, padding=1)" in changed
    assert "nn.Conv2d(24, 24, 3, padding=1)" in changed
    assert "nn.Linear(24, out_shape[0])" in changed


def test_line_endings_and_comments_stay(workshop):
    source = CASES["literals"][0].replace("# first", "# первый  ✓").replace("\n", "\r\n")
    changed = widened(workshop, source, "conv1", 40)
    assert changed.replace("40", "32") == source


def test_what_is_planned_is_never_planned_again(workshop):
    subject = workshop.open(CASES["a variable"][0])
    rng, seen = random.Random(0), []
    while (plan := subject.planner.plan(["width"], rng)) is not None:
        seen.append(plan.key)
    assert len(seen) == len(set(seen)) > 2
    assert subject.planner.refused
