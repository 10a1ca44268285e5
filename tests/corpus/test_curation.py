"""Training sets: what is chosen, that nothing alike crosses a split, what is written."""

import json
from collections import Counter

import numpy as np
import pytest
from corpus_samples import FACTS
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import BROKEN, COMMENTED, PLAIN, RENAMED, entry, program

from lemur2.architecture import canonical_digest
from lemur2.corpus import Corpus
from lemur2.corpus.curation import Rules, Shares, assign, choose, closest, curate, groups, write
from lemur2.corpus.curation.choose import farthest_first
from lemur2.corpus.dedupe import Sketches, find_redundant
from lemur2.errors import UsageError, UserError

made = st.lists(
    st.tuples(
        st.lists(st.integers(0, 25), min_size=2, max_size=12),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([None, "s", "t"]),
    ),
    min_size=1,
    max_size=25,
)


def networks_of(values):
    return [
        entry(number, program(numbers), family=family, structure_digest=structure)
        for number, (numbers, family, structure) in enumerate(values)
    ]


@given(
    made,
    st.none() | st.integers(2, 4),
    st.integers(0, 2),
    st.none() | st.integers(1, 25),
    st.randoms(),
)
@settings(max_examples=60, deadline=None)
def test_the_rules_are_kept(values, per_family, minimum, total, shuffling):
    networks = networks_of(values)
    rules = Rules(per_family=per_family, minimum=minimum, total=total, prefer="oldest")
    chosen = choose(networks, rules)
    names = [each.name for each in chosen.entries]
    assert len(names) == len(set(names)) == chosen.counts["chosen"]
    assert len({each.digest for each in chosen.entries}) == len(names)

    different = {family: set() for family in "ABC"}
    first = set()  # copies across families count for the family of the one that is kept
    for each in networks:
        if each.digest not in first:
            different[each.family].add(each.digest)
            first.add(each.digest)
    count = Counter(each.family for each in chosen.entries)
    for family, digests in different.items():
        assert count[family] >= min(minimum, len(digests))
    if total is not None:
        assert len(names) >= min(total, len(first))
    if per_family is not None and total is None:
        assert max(count.values()) <= per_family
    if per_family is None and not minimum and total is None:
        alike = {each.name for each in find_redundant(networks, tiers=TIERS, prefer="oldest")}
        assert set(names) == {each.name for each in networks} - alike
    shuffling.shuffle(networks)
    assert [each.name for each in choose(networks, rules).entries] == names


TIERS = ("canonical", "structure", "near")


@given(made, st.floats(0, 0.5), st.floats(0, 0.4), st.sampled_from([0.5, 0.8]), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_nothing_alike_crosses(values, validation, test, threshold, seed):
    networks = networks_of(values)
    sketches = Sketches(each.source for each in networks)
    group = groups(networks, sketches, threshold)
    splits = assign(group, Shares(validation=validation, test=test), seed)
    assert assign(group, Shares(validation=validation, test=test), seed) == splits
    for one in range(len(networks)):
        for other in range(one):
            if splits[one] != splits[other]:
                # A pair right at the threshold may be missed by the index, none well above it.
                assert sketches.similarity(one, other) < threshold + 0.1
                structures = networks[one].structure_digest, networks[other].structure_digest
                assert structures[0] is None or structures[0] != structures[1]
    pair = closest(sketches, splits)
    assert (pair is None) == (len(set(splits)) == 1)
    if pair is not None:
        assert pair[0] == sketches.similarity(*pair[1:])
        assert splits[pair[1]] != splits[pair[2]]


@given(st.integers(1, 400), st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_shares_are_met_where_groups_allow(count, validation, test, seed):
    splits = Counter(assign(list(range(count)), Shares(validation=validation, test=test), seed))
    assert abs(splits["validation"] - validation * count) <= 1
    assert abs(splits["test"] - test * count) <= 1


def test_a_large_group_goes_to_training_and_seeds_differ():
    group = [0] * 60 + list(range(60, 100))
    one, other = assign(group, Shares(), 1), assign(group, Shares(), 2)
    assert set(one[:60]) == {"train"}
    assert Counter(one) == Counter(other) == {"train": 80, "validation": 10, "test": 10}
    assert one != other


@given(made, st.integers(1, 10))
@settings(max_examples=40, deadline=None)
def test_farthest_first_is_what_it_says(values, count):
    sketches = Sketches(each.source for each in networks_of(values))
    pool = list(range(len(values)))[1:]
    picked = farthest_first(sketches, [0], pool, count)
    assert len(picked) == min(count, len(pool))
    taken = [0]
    for each in picked:
        nearest = {p: sketches.estimates(p, np.array(taken)).max() for p in pool if p not in taken}
        assert nearest[each] == min(nearest.values())
        taken.append(each)


def test_rules_that_contradict():
    with pytest.raises(UsageError, match="no room"):
        Rules(per_family=2, minimum=3)
    with pytest.raises(UsageError, match="less than 1"):
        Shares(validation=0.5, test=0.5)


@pytest.fixture
def small(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        programs = {f"P/{n}": program([*range(n, n + 9)]) for n in range(0, 200, 10)}
        nets = {
            "plain": PLAIN,
            "renamed": RENAMED,
            "copy": COMMENTED,
            "ä odd/name" * 30: PLAIN + "1",
        }
        for name, source in {**programs, **nets}.items():
            corpus.add_architecture(
                name=name,
                source=source,
                digest=canonical_digest(source),
                family=name[:1],
                facts=FACTS if name == "P/0" else None,
            )
        corpus.add_architecture(name="broken", source=BROKEN, digest="", family="b")
        yield corpus


def test_what_is_written(small, tmp_path):
    out = tmp_path / "deep" / "set"
    made = curate(small, Rules(minimum=2, prefer="oldest"), seed=3)
    write(made, small, out)
    report = json.loads((out / "report.json").read_text())
    assert report["counts"] == {
        "corpus": 25,
        "unparsable": 1,
        "exact": 1,
        "alike": 2,
        "over": 0,
        "minimum": 2,
        "topped up": 0,
        "chosen": 23,
    }
    rows = [
        json.loads(line)
        for split in ("train", "validation", "test")
        for line in (out / f"{split}.jsonl").read_text().splitlines()
    ]
    assert len(rows) == len({row["file"] for row in rows}) == 23
    for row in rows:
        assert row["file"].startswith(row["split"] + "/")
        assert (out / row["file"]).read_text() == row["code"] == small.source(row["nn"])
        assert row["facts"]["lines"] > 0
    assert len(list(out.glob("*/*.py"))) == 23
    split_of = {row["nn"]: row["split"] for row in rows}
    assert split_of["plain"] == split_of["renamed"]
    assert "| 23 | chosen |" in (out / "report.md").read_text()
    assert [path.name for path in out.parent.iterdir()] == ["set"]


def test_the_same_seed_gives_the_same_files(small, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(curate(small, Rules(), seed=seed), small, tmp_path / name)

    def content(name: str) -> dict[str, bytes]:
        files = (tmp_path / name).rglob("*.*")
        return {str(each.relative_to(tmp_path / name)): each.read_bytes() for each in files}

    assert content("a") == content("b") != content("c")


def test_a_folder_that_is_in_use_is_left_alone(small, tmp_path):
    (tmp_path / "mine.py").write_text("mine")
    made = curate(small, Rules())
    for place in (tmp_path, tmp_path / "mine.py"):
        with pytest.raises(UserError, match="there already"):
            write(made, small, place)
    with pytest.raises(UserError, match="cannot write"):
        write(made, small, tmp_path / "mine.py" / "below")
    assert (tmp_path / "mine.py").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    write(made, small, tmp_path / "empty")
    assert (tmp_path / "empty" / "report.md").exists()


def test_nothing_to_choose_from(tmp_path):
    with (
        Corpus.open(tmp_path / "c.db", create=True) as corpus,
        pytest.raises(UserError, match="no networks"),
    ):
        curate(corpus, Rules())
