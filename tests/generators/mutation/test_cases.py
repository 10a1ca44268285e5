"""Changes where a human can see the answer: each case is a file with what becomes of its lines.

`# change: MODULE.ARGUMENT = VALUE` says what is asked for (`!` after it: refused), and a line
`# => TEXT` what the line above it has to be afterwards. Every other line stays to the byte.
"""

import re
from pathlib import Path

import pytest

from lemur2.generators.mutation import CodeMutator, Workshop, verify
from lemur2.generators.mutation.solver import Refused
from lemur2.tasks import task

CASES = sorted(Path(__file__).with_name("cases").glob("*.py"))
CHANGE = re.compile(r"# change: (\S+)\.(\w+) = (\d+)( !)?\n")
AFTER = "# => "


@pytest.fixture
def workshop(engine):
    return Workshop(engine, task("img-classification"))


def read(path):
    """A case: the file before and after, what to change, and whether that is refused."""
    text = path.read_text()
    found = CHANGE.match(text)
    before, after = [], []
    for line in text[found.end() :].splitlines(keepends=True):
        stripped = line.lstrip(" ")
        if stripped.startswith(AFTER):
            after[-1] = line.replace(AFTER, "", 1)
        else:
            before.append(line)
            after.append(line)
    module, argument, value, refused = found.groups()
    return "".join(before), "".join(after), (module, argument, int(value)), bool(refused)


def mutated(workshop, source, change):
    """The file after a change, with its plan; it is screened and has changed as planned."""
    subject = workshop.open(source)
    plan = subject.planner.change(*change)
    source = CodeMutator(source).apply(plan.edits)
    size, known = subject.planner.parent.trace.size, (subject.facts, subject.outline)
    verified = verify(workshop.engine, workshop.task, size, source, plan, known)
    assert not verified.problem
    return source, plan


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_it_comes_out_as_a_human_would_write_it(workshop, path):
    before, after, change, refused = read(path)
    if refused:
        with pytest.raises(Refused):
            mutated(workshop, before, change)
        return
    source, plan = mutated(workshop, before, change)
    assert source == after
    module, argument, value = change
    assert re.match(rf"{module}: .*\b{argument} \d+ -> {value}\b", plan.says)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_comments_and_line_ends_stay_to_the_byte(workshop, end):
    before, after, change, _ = read(CASES[0].with_name("residual_plus.py"))
    dress = [(").mean", ") . mean"), ("x = self.stem(x)", "x  =  self.stem( x )   # stöm ✓\t")]
    for old, new in (*dress, ("\n", end)):
        before, after = before.replace(old, new), after.replace(old, new)
    source, _ = mutated(workshop, before, change)
    assert source == after
