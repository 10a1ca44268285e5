"""Near-duplicates: what counts as alike, and the index against comparing everything."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import BROKEN, COMMENTED, PLAIN, POSITIONAL, RENAMED, program

from lemur2.architecture import Refusal, zoo_names, zoo_source
from lemur2.corpus.dedupe import Sketches, components, shingles
from lemur2.corpus.dedupe.near import PERMUTATIONS, Union, bands, leaders


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_names_of_the_file_s_own_do_not_count():
    assert shingles(RENAMED) == shingles(PLAIN) == shingles(COMMENTED)


@pytest.mark.parametrize(
    "edit",
    [
        ("nn.BatchNorm2d(32)", "nn.InstanceNorm2d(32)"),
        ("(16, 32, 3, padding=1)", "(16, 32, 5, padding=1)"),
        ("padding=1", "dilation=1"),
        ("F.relu(self.first(x))", "F.gelu(self.first(x))"),
        ("lr=prm['lr']".replace("'", '"'), 'lr=2 * prm["lr"]'),
    ],
)
def test_what_it_uses_counts(edit):
    assert edit[0] in PLAIN
    assert 0.7 < jaccard(PLAIN, PLAIN.replace(*edit)) < 1


@pytest.mark.parametrize(
    "edit",
    [
        ("", "def spare(a):\n    return a + 1\n\n\nclass Spare(nn.Module):\n    pass\n"),
        (
            "        self.train()\n",
            "        if False:\n            self.spare()\n        self.train()\n",
        ),
        ("flatten(1))\n", "flatten(1))\n        return x * 3\n"),
    ],
)
def test_what_never_runs_does_not_count(edit):
    old, new = edit
    changed = PLAIN.replace(old, new) if old else PLAIN + new
    assert changed != PLAIN
    assert shingles(changed) == shingles(PLAIN)
    assert shingles(changed + "spare = Spare = 1\n") != shingles(PLAIN)


def test_what_only_unused_code_uses_does_not_count():
    block = "\n\nclass Part(nn.Module):\n    pass\n\n\nclass Whole(nn.Module):\n    part = Part()\n"
    assert shingles(PLAIN + block) == shingles(PLAIN)
    used = (PLAIN + block).replace("nn.AdaptiveAvgPool2d(1)", "Whole()")
    assert shingles(used) != shingles(PLAIN.replace("nn.AdaptiveAvgPool2d(1)", "Whole()"))


def test_what_is_used_by_name_counts():
    spare = PLAIN + "\n\ndef spare(a):\n    return a + 1\n"
    for use in ("spare(1)\n", "globals()['spare'](1)\n"):
        other = PLAIN + "\n\ndef spare(a):\n    return a * 2 - 1\n"
        assert shingles(spare + use) != shingles(other + use)
    assert len(shingles("def run(x):\n    return x\n")) > 1  # a file of functions only


def test_a_variable_does_not_hide_a_method():
    one = "def f(x):\n    size = x.size()\n    return size\n"
    assert shingles(one) == shingles(
        one.replace("size =", "s =").replace("return size", "return s")
    )
    assert shingles(one) != shingles(one.replace("x.size()", "x.numel()"))


def test_what_does_not_parse():
    with pytest.raises(Refusal):
        shingles(BROKEN)
    sketches = Sketches([BROKEN, PLAIN, BROKEN])
    assert sketches.similarity(0, 2) == 0
    assert leaders(sketches) == {}
    assert components(sketches) == [0, 1, 2]


def test_small_and_odd_files():
    for text in (
        "",
        "x = 1\n",
        "pass\n",
        "f'{a!r:>{b}}'\n",
        "match x:\n    case {'a': [1, *_]}: 1\n",
    ):
        assert shingles(text)
        assert len(Sketches([text])) == 1
    assert leaders(Sketches(["", "", "x = 1\n"])).keys() == {1}


def test_deep_trees_need_no_deep_stack():
    deep = (
        "x = "
        + "+".join(["1"] * 2000)
        + "\n"
        + "".join(f"{'el' if n else ''}if x == {n}:\n    pass\n" for n in range(400))
    )
    assert len(shingles(deep)) > 400


def test_real_networks_against_exact_comparison():
    sources = [zoo_source(name) for name in zoo_names()[::3]]
    sources += [source.replace("64", "72") for source in sources[:4]] + [PLAIN, POSITIONAL]
    sketches = Sketches(sources)
    for one in range(len(sources)):
        for other in range(one):
            real = jaccard(sources[one], sources[other])
            assert sketches.similarity(one, other) == pytest.approx(real, abs=1e-9)
            assert sketches.estimates(one, [other])[0] == pytest.approx(real, abs=0.25)


program_lists = st.lists(
    st.lists(st.integers(0, 20), min_size=3, max_size=14).map(program), min_size=1, max_size=14
)


@given(program_lists, st.sampled_from([0.6, 0.8, 0.95]))
@settings(max_examples=60, deadline=None)
def test_leaders_and_components_mean_what_they_say(sources, threshold):
    sketches = Sketches(sources)
    led = leaders(sketches, threshold)
    group = components(sketches, threshold)
    for position, (leader, similarity) in led.items():
        assert leader < position
        assert leader not in led
        assert similarity == pytest.approx(jaccard(sources[position], sources[leader]))
        assert similarity >= threshold
        assert group[position] == group[leader]
    union = Union(len(sources))
    for one in range(len(sources)):
        for other in range(one):
            real = jaccard(sources[one], sources[other])
            if real >= threshold:
                union.join(one, other)
            # The index may miss a pair at the threshold, never one well above it.
            if real >= min(1, threshold + 0.1):
                assert group[one] == group[other]
                assert one in led or other in led
    exact = [union.find(position) for position in range(len(sources))]
    for one in range(len(sources)):
        assert exact[group[one]] == exact[one]  # nothing is joined that should not be


def test_bands_lose_next_to_nothing():
    for threshold in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0):
        number = bands(threshold)
        assert PERMUTATIONS % number == 0
        assert (1 - threshold ** (PERMUTATIONS // number)) ** number < 2e-3


def test_signatures_are_the_same_in_every_process():
    """They depend on no hash seed, so that what was chosen can be chosen again elsewhere."""
    known = [1104931745, 584288369, 547622039]
    assert Sketches([PLAIN]).signatures[0, :3].tolist() == known
