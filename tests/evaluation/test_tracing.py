"""Numbers that remember behave as numbers, and remember right."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.evaluation.tracing import symbols
from lemur2.evaluation.tracing.instrument import Instrumented

BINARY = ["add", "sub", "mul", "floordiv", "truediv", "mod"]
SMALL = st.integers(-50, 50)


@pytest.fixture
def tape():
    return symbols.start(lambda: 7)


@given(SMALL, SMALL, st.sampled_from(BINARY))
def test_arithmetic_gives_what_it_gives(one, other, name):
    tape = symbols.start(lambda: 0)
    function = getattr(operator, name)
    left = symbols.traced(one, tape.node(("lit", 0), one))
    if other == 0 and name in ("floordiv", "truediv", "mod"):
        with pytest.raises(ZeroDivisionError):
            function(left, other)
        return
    found = function(left, other)
    assert symbols.plain(found) == function(one, other)
    assert type(symbols.plain(found)) is type(function(one, other))
    assert tape.values[found.node] == function(one, other)


def run(tape, source):
    program = Instrumented(source, "<test>", tape)
    names = program.names()
    exec(program.code, names)
    return program, names


def test_a_number_knows_where_it_was_written(tape):
    program, names = run(tape, "a = [64, 'M', 128]\nb = a[2] * 2 + int(a[0] / 2)\n")
    found = names["b"]
    assert found == 288
    kind, product, half = tape.nodes[found.node]
    assert kind == "add"
    assert [tape.nodes[each][0] for each in tape.nodes[product][1:]] == ["lit", "lit"]
    site = program.sites[tape.nodes[tape.nodes[product][1]][1]]
    assert (site.start, site.end) == ((1, 14), (1, 17))
    assert tape.nodes[half][0] == "int"


def test_an_argument_is_a_place_of_its_own(tape):
    source = "def double(n):\n    return n * 2\nfor n in (3, 5):\n    b = double(n)\n"
    program, names = run(tape, source)
    assert names["b"] == 10
    (site,) = (each for each in program.sites if each.kind == "via")
    assert (site.count, site.values) == (2, {3, 5})


def test_comparisons_are_conditions(tape):
    run(tape, "a = 4\nif a > 3:\n    b = 1\n")
    ((name, one, other, outcome), line) = next(iter(tape.conditions.items()))
    assert (name, tape.values[one], tape.values[other], outcome, line) == ("gt", 4, 3, True, 7)


def test_what_something_repeats_by_is_a_condition(tape):
    run(tape, "a = [0] * 3\nfor _ in range(2):\n    pass\n")
    counted = [tape.values[one] for name, one, _, _ in tape.conditions if name == "count"]
    assert counted == [3, 2]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = type(3) is int", True),
        ("x = isinstance(3, int)", True),
        ("x = {3: 'a'}[3]", "a"),
        ("x = f'{3}-{4.5}'", "3-4.5"),
        ("x = list(range(3))[-1]", 2),
        ("x = max(3, 4) // 2", 2),
        ("import math\nx = math.ceil(2.5) + math.floor(2.5)", 5),
        ("x = divmod(7, 2)", (3, 1)),
        ("x = sum([1, 2, 3])", 6),
        ("x = [10, 20][True]", 20),
        ("x = -2 ** 2", -4),
        ("x = 'ab' * 2", "abab"),
        ("def f(n: int = 3) -> 'int':\n    return n\nx = f()", 3),
        ("match 3:\n    case 3:\n        x = 'three'\n", "three"),
    ],
)
def test_programs_run_as_ever(tape, source, expected):
    assert run(tape, source)[1]["x"] == expected
