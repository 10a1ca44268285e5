from hypothesis import given
from hypothesis import strategies as st

from lemur2.finetuning.funnels import STAGES, Judged, difference, funnel, summary

VERDICTS = ("ok", "syntax", "contract", "build", "shape")


def judged(seed, verdict, repeats="", ended=True):
    return Judged(
        seed=seed,
        name=f"n{seed}",
        ended=ended,
        verdict=verdict,
        reason="",
        repeats=repeats,
        structure=f"s{seed % 2}",
        parameters=1,
        tokens=10,
        seconds=1.0,
        source="",
    )


REPLIES = st.lists(
    st.builds(
        judged,
        st.integers(0, 99),
        st.sampled_from(VERDICTS),
        st.sampled_from(("", "corpus", "run")),
        st.booleans(),
    ),
    max_size=40,
)


@given(REPLIES)
def test_a_stage_passes_no_more_than_the_one_before(replies):
    found = {share.stage: share for share in funnel(replies)}
    assert tuple(found) == STAGES
    counts = [found[stage].count for stage in ("asked", "parses", "contract", "ok", "new and ok")]
    assert counts == sorted(counts, reverse=True)
    assert all(share.low <= share.share <= share.high for share in found.values())


def test_only_what_is_new_and_works_counts():
    replies = [
        judged(0, "ok"),
        judged(1, "ok", "corpus"),
        judged(2, "ok", "run"),
        judged(3, "build"),
        judged(4, "syntax"),
    ]
    found = {share.stage: share.count for share in funnel(replies)}
    assert found == {
        "asked": 5, "ended": 5, "parses": 4, "contract": 4, "ok": 3, "new and ok": 1
    }  # fmt: skip
    told = summary(replies)
    assert told["repeats"] == {"corpus": 1, "run": 1}
    assert told["verdicts"]["ok"] == 3
    assert told["structures"] == 1


@given(REPLIES.filter(bool), REPLIES.filter(bool))
def test_a_difference_lies_in_its_interval(before, after):
    for old, new in zip(funnel(before), funnel(after), strict=True):
        gap, low, high = difference(old, new)
        assert -1 - 1e-9 <= low <= gap <= high <= 1 + 1e-9
        back, low_back, high_back = difference(new, old)
        assert abs(gap + back) < 1e-9
        assert abs(low + high_back) < 1e-9
        assert abs(high + low_back) < 1e-9


def test_newcombes_own_example():
    # Newcombe 1998, table II, (a): 56/70 against 48/80, method 10: 0.0524 .. 0.3339.
    before = funnel([judged(i, "ok" if i < 48 else "build") for i in range(80)])[4]
    after = funnel([judged(i, "ok" if i < 56 else "build") for i in range(70)])[4]
    gap, low, high = difference(before, after)
    assert (round(gap, 4), round(low, 4), round(high, 4)) == (0.2, 0.0524, 0.3339)
