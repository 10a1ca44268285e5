"""How far candidates get, from counts alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemur2.architecture import Verdict
from lemur2.corpus import STAGES, Attempted, funnel, wilson

attempted = st.builds(
    Attempted,
    generator=st.sampled_from(["a", "b"]),
    verdict=st.sampled_from(Verdict),
    screened=st.booleans(),
    learned=st.booleans(),
    count=st.integers(1, 50),
)


def one(verdict: Verdict, *, screened: bool = False, learned: bool = False) -> str:
    """The last stage of a single attempt."""
    row = Attempted(generator="g", verdict=verdict, screened=screened, learned=learned)
    return [stage.stage for stage in funnel([row])["g"] if stage.count][-1]


@pytest.mark.parametrize(
    ("verdict", "stage"),
    [
        (Verdict.SYNTAX, "asked"),
        (Verdict.CONTRACT, "parses"),
        (Verdict.IMPORT, "parses"),
        (Verdict.BUILD, "parses"),
        (Verdict.FORBIDDEN, "parses"),
        (Verdict.SHAPE, "builds"),
        (Verdict.BACKWARD, "builds"),
        (Verdict.MEMORY, "parses"),
        (Verdict.DUPLICATE, "parses"),
    ],
)
def test_refused_in_screening(verdict, stage):
    assert one(verdict) == stage


@pytest.mark.parametrize(
    "verdict",
    [Verdict.TIMEOUT, Verdict.MEMORY, Verdict.CRASH, Verdict.FORBIDDEN, Verdict.DUPLICATE],
)
def test_what_a_limit_ends_after_screening_has_run(verdict):
    assert one(verdict, screened=True) == "runs"


# The stage that a verdict denies, and with it all that come after.
DENIED = {
    Verdict.SYNTAX: "parses",
    Verdict.CONTRACT: "builds",
    Verdict.IMPORT: "builds",
    Verdict.BUILD: "builds",
    Verdict.SHAPE: "runs",
    Verdict.BACKWARD: "runs",
    Verdict.TRAIN: "learns",
    Verdict.DIVERGED: "learns",
    Verdict.TIMEOUT: "learns",
    Verdict.MEMORY: "learns",
    Verdict.CRASH: "learns",
    Verdict.FORBIDDEN: "learns",
    Verdict.DUPLICATE: "unique",
}


@given(
    st.builds(
        Attempted,
        generator=st.just("g"),
        verdict=st.sampled_from(Verdict),
        screened=st.booleans(),
        learned=st.booleans(),
        repeats=st.none() | st.sampled_from([v for v in Verdict if v is not Verdict.DUPLICATE]),
    )
)
def test_no_stage_contradicts_a_verdict(row):
    passed = [stage.stage for stage in funnel([row])["g"] if stage.count]
    verdicts = [row.verdict]
    if row.verdict is Verdict.DUPLICATE and row.repeats:
        verdicts.append(row.repeats)
    for verdict in verdicts:
        if verdict in DENIED:
            assert DENIED[verdict] not in passed
    assert ("unique" in passed) == (row.verdict is Verdict.OK and row.learned)


def test_trained_to_the_end():
    assert one(Verdict.OK, screened=True, learned=True) == "unique"
    assert one(Verdict.DUPLICATE, screened=True, learned=True) == "learns"


@given(st.lists(attempted))
def test_a_funnel_only_narrows_and_loses_nobody(rows):
    found = funnel(rows)
    assert set(found) == {row.generator for row in rows}
    for generator, stages in found.items():
        total = sum(row.count for row in rows if row.generator == generator)
        assert [stage.stage for stage in stages] == list(STAGES)
        assert stages[0].count == total
        counts = [stage.count for stage in stages]
        assert counts == sorted(counts, reverse=True)
        for stage in stages:
            assert stage.n == total
            assert 0 <= stage.low <= stage.share <= stage.high <= 1


def test_wilson_against_published_values():
    # Newcombe (1998), table I, method 3 (score without continuity correction)
    for count, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(count, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_where_the_score_test_turns(pair):
    count, n = pair
    low, high = wilson(count, n)
    for bound in (low, high):
        if 0 < bound < 1:
            z = (count / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert abs(z) == pytest.approx(1.959964, rel=1e-3)
