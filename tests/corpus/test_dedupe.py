"""Tiers, representatives and marks."""

import pytest
from corpus_samples import grow, outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import BLANKS, BROKEN, COMMENTED, PLAIN, POSITIONAL, RENAMED, entry, program

from lemur2.architecture import zoo_names, zoo_source
from lemur2.corpus.dedupe import (
    PREFERENCES,
    TIERS,
    entries,
    find_redundant,
    mark,
    marked,
    unmark,
)
from lemur2.corpus.query.table import data
from lemur2.errors import UsageError, UserError


def tiers_of(*sources: str, **options) -> dict[str, tuple[str, str]]:
    found = find_redundant(
        [entry(number, source) for number, source in enumerate(sources)], **options
    )
    return {each.name: (each.tier, each.representative) for each in found}


def test_each_is_found_by_the_strictest_tier():
    assert tiers_of(PLAIN, BLANKS, COMMENTED, RENAMED, POSITIONAL) == {
        "N-1": ("whitespace", "N-0"),
        "N-2": ("canonical", "N-0"),
        "N-3": ("near", "N-0"),
    }


def test_positional_arguments_count():
    assert tiers_of(PLAIN, POSITIONAL) == {}
    wider = PLAIN.replace("16", "17")
    (found,) = find_redundant([entry(0, PLAIN), entry(1, wider)], threshold=0.5)
    assert 0.5 < found.similarity < 1


def test_what_does_not_parse_is_never_merged():
    assert tiers_of(BROKEN, BROKEN + "\n", BROKEN.replace("A plain one", "")) == {}


def test_whitespace_that_makes_another_program_is_no_copy():
    inner = "\n        for _ in x:\n            x = x + 1\n            x = x * 2\n"
    one = PLAIN.replace("\n        x = F.relu(self.first(x))", inner)
    other = PLAIN.replace(
        "\n        x = F.relu(self.first(x))", inner.replace("    x = x * 2", "x = x * 2")
    )
    assert "".join(one.split()) == "".join(other.split())
    assert tiers_of(one, other, tiers=("whitespace", "canonical")) == {}


def test_structure_needs_the_same_parameters():
    networks = [
        entry(0, PLAIN, structure_digest="a", parameters=10),
        entry(1, POSITIONAL, structure_digest="a", parameters=10),
        entry(2, zoo_source("AlexNet"), structure_digest="a", parameters=11),
        entry(3, zoo_source("VGG11")),
        entry(4, zoo_source("LeNet")),
    ]
    (found,) = find_redundant(networks, tiers=("structure",))
    assert (found.name, found.representative, found.tier) == ("N-1", "N-0", "structure")


def test_the_zoo_holds_no_copies():
    """VGG11 and VGG16 differ in one line, the list of widths: near is no statement of sameness.

    Mixtures come in series whose members differ in little, as the paper has them.
    """
    zoo = [entry(n, zoo_source(name), name=name) for n, name in enumerate(zoo_names())]
    assert find_redundant(zoo, tiers=("whitespace", "canonical")) == []
    near = [each for each in find_redundant(zoo) if not each.name.startswith("MoE")]
    assert [(each.name, each.representative) for each in near] == [("VGG16", "VGG11")]


@pytest.mark.parametrize(
    ("prefer", "kept"),
    [("oldest", "N-1"), ("name", "A"), ("smallest", "N-2"), ("accuracy", "N-3")],
)
def test_the_representative_is_the_preferred_one(prefer, kept):
    networks = [
        entry(9, PLAIN, name="A", parameters=8),
        entry(1, PLAIN, parameters=9, accuracy=0.5),
        entry(2, PLAIN, parameters=7, accuracy=0.6),
        entry(3, PLAIN, accuracy=0.7),
    ]
    found = find_redundant(networks, prefer=prefer)
    assert {each.representative for each in found} == {kept}
    assert len(found) == 3


def test_chains_lead_to_what_is_kept():
    """A copy of a near-duplicate: the near-duplicate's own representative stands for both."""
    networks = [entry(0, PLAIN), entry(1, RENAMED), entry(2, RENAMED + "# comment\n")]
    found = {each.name: each for each in find_redundant(networks)}
    assert found["N-2"].tier == "canonical"
    assert found["N-2"].representative == found["N-1"].representative == "N-0"
    assert found["N-2"].similarity == found["N-1"].similarity


networks = st.lists(
    st.tuples(
        st.lists(st.integers(0, 12), min_size=1, max_size=10),
        st.sampled_from(["", "\n\n", "# comment\n"]),
        st.sampled_from([None, "s", "t"]),
        st.sampled_from([None, 0.1, 0.9]),
    ),
    max_size=12,
)


@given(networks, st.sampled_from(PREFERENCES), st.permutations(TIERS), st.randoms())
@settings(max_examples=60, deadline=None)
def test_whatever_the_networks(made, prefer, tiers, shuffling):
    given_ones = [
        entry(number, program(numbers) + ending, structure_digest=structure, accuracy=accuracy)
        for number, (numbers, ending, structure, accuracy) in enumerate(made)
    ]
    found = find_redundant(given_ones, prefer=prefer, tiers=tiers)
    redundant = {each.name for each in found}
    kept = [each for each in given_ones if each.name not in redundant]
    assert len(redundant) == len(found)
    assert redundant.isdisjoint(each.representative for each in found)
    assert not find_redundant(kept, prefer=prefer, tiers=tiers)  # once is enough
    shuffling.shuffle(given_ones)
    assert find_redundant(given_ones, prefer=prefer, tiers=tiers) == found
    fewer = find_redundant(given_ones, prefer=prefer, tiers=("canonical",))
    assert {each.name for each in fewer} <= redundant


@pytest.mark.parametrize(
    "wrong", [{"tiers": ("exact",)}, {"prefer": "best"}, {"threshold": 0}, {"threshold": 1.1}]
)
def test_wrong_wishes(wrong):
    with pytest.raises(UsageError):
        find_redundant([], **wrong)


def test_marks_are_kept_replaced_and_taken_away(corpus):
    grow(corpus, [outcome(f"F-{n}", digest="same" if n < 3 else f"d{n}") for n in range(5)])
    known = entries(corpus)
    assert [each.name for each in known] == [f"F-{n}" for n in range(5)]
    assert known[0].accuracy == 1.0  # all have the best score there is
    found = find_redundant(known, tiers=("canonical",))
    assert mark(corpus, found) == 2
    assert marked(corpus) == found
    assert set(data(db=corpus, unique=True)["nn"]) == {"F-0", "F-3", "F-4"}
    assert len(set(data(db=corpus)["nn"])) == 5
    mark(corpus, found[:1])
    assert [each.name for each in marked(corpus)] == ["F-1"]
    with pytest.raises(UserError, match="no network Z"):
        mark(
            corpus,
            [*found, type(found[0])(name="Z", representative="F-0", tier="near", similarity=1)],
        )
    assert len(marked(corpus)) == 1  # nothing changed
    assert unmark(corpus) == 1
    assert marked(corpus) == []


def test_accuracy_is_relative_to_the_best_on_the_same_data(corpus):
    from corpus_samples import trial_result

    from lemur2.corpus import Epoch

    def trained(dataset: str, *scores: float):
        epochs = tuple(
            Epoch(epoch=n, score=score, loss=None, seconds=1, memory=0)
            for n, score in enumerate(scores, 1)
        )
        return trial_result(dataset=dataset, epochs=epochs)

    grow(
        corpus,
        [
            outcome("A", trial=trained("easy", 0.99, 0.5)),
            outcome("B", trial=trained("hard", 0.4, 0.5)),
            outcome("C", trial=trained("hard", 0.25)),
        ],
    )
    assert {each.name: each.accuracy for each in entries(corpus)} == {"A": 1, "B": 1, "C": 0.5}
