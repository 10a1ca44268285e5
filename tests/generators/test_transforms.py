"""Brute-force transforms: the dictionary, the order of compositions, and the files."""

from collections import Counter

import composed_transforms
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import TransformSource
from lemur2.errors import UsageError
from lemur2.generators.transforms import TransformsConfig, TransformsGenerator
from lemur2.generators.transforms.operations import operations
from lemur2.generators.transforms.parameters import Number, Span
from lemur2.generators.transforms.space import CompositionSpace
from lemur2.generators.transforms.template import write_source
from lemur2.transforms.pipeline import Pipeline

OPERATIONS = operations(32)


def proposed(count, seed=0, **config):
    return TransformsGenerator(TransformsConfig(**config), seed).ask(count)


def test_the_dictionary_is_large_enough():
    assert len(OPERATIONS) >= 19
    assert all(hasattr(torchvision.transforms, name) for name in OPERATIONS)


@pytest.fixture(scope="module")
def six_thousand():
    return proposed(6000)


def test_six_thousand_are_distinct_and_keep_their_contract(six_thousand):
    read = [TransformSource.parse(c.source, prefix=c.prefix) for c in six_thousand]
    assert len({each.digest for each in read}) == 6000
    assert len({each.name for each in read}) == 6000


def test_arities_have_equal_shares(six_thousand):
    assert Counter(c.parameters["arity"] for c in six_thousand) == {1: 2000, 2: 2000, 3: 2000}


def test_alone_operations_have_equal_shares_as_far_as_they_can_be_varied(six_thousand):
    counts = Counter(
        c.parameters["operations"][0] for c in six_thousand if c.parameters["arity"] == 1
    )
    most = max(counts.values())
    for name, operation in OPERATIONS.items():
        ways = 2 * operation.size  # two sides
        assert counts[name] == ways if ways < most - 1 else counts[name] >= most - 1


@pytest.mark.parametrize("arity", [2, 3])
def test_operations_have_near_equal_shares_at_every_place(six_thousand, arity):
    """But for the one that has to stand last, as it takes tensors."""
    chosen = [c.parameters["operations"] for c in six_thousand if c.parameters["arity"] == arity]
    for place in range(arity):
        counts = Counter(names[place] for names in chosen)
        last = counts.pop("RandomErasing", 0)
        assert len(counts) == len(OPERATIONS) - 1
        assert max(counts.values()) <= 1.35 * min(counts.values())
        assert (last > 0) == (place == arity - 1)


def test_sequences_do_not_repeat_before_all_have_come():
    every = 24 * 23
    space = CompositionSpace(list(OPERATIONS.values()), 2, (32,), 0)
    assert len(OPERATIONS) == 24
    found = [space.at(position) for position in range(every)]
    names = [tuple(o.name for o in each.operations) for each in found if each is not None]
    assert len(set(names)) == len(names) == every - 23  # RandomErasing cannot be the first of two


def test_a_file_is_named_after_its_operations_and_reads_as_they_are_applied():
    candidate = next(
        c for c in proposed(600) if c.parameters["operations"][-1:] == ["RandomErasing"]
    )
    steps = [line.strip() for line in candidate.source.splitlines() if line.startswith("     ")]
    names = [step.removeprefix("transforms.").split("(")[0] for step in steps]
    first = candidate.parameters["operations"][:-1]
    assert names == [*first, "Resize", "ToTensor", "RandomErasing", "Normalize"]
    assert candidate.prefix == "-".join(candidate.parameters["operations"])


def test_no_operation_at_all_is_the_baseline():
    (candidate,) = proposed(5, arities=(0,), sides=(32,))
    assert "Resize((32, 32))" in candidate.source
    assert candidate.parameters["operations"] == []


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(OPERATIONS)), st.data())
def test_every_call_is_one_that_torchvision_takes(name, data):
    operation = OPERATIONS[name]
    index = data.draw(st.integers(0, operation.size - 1))
    space = CompositionSpace([operation], 1, (8,), 0)
    source = write_source(space._composition((operation,), index))
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    pipeline = Pipeline(source, (0.5,) * 3, (0.2,) * 3)
    assert pipeline.train(images, torch.Generator().manual_seed(0)).shape == (2, 3, 8, 8)


@pytest.mark.parametrize("side", [8, 28, 32])
def test_compositions_with_the_largest_margins_still_fit(side):
    """After two crops to half the side, each operation in its last, strongest form."""
    known = operations(side)
    for name, operation in known.items():
        space = CompositionSpace([known["CenterCrop"], operation], 2, (16,), 0)
        index = (operation.size - 1) * known["CenterCrop"].size
        source = write_source(space._composition((known["CenterCrop"], operation), index))
        assert f"CenterCrop(size={side // 2})" in source, name
        pipeline = Pipeline(source, (0.5,), (0.2,))
        images = torch.randint(256, (2, 1, side, side), dtype=torch.uint8)
        assert pipeline.train(images, torch.Generator().manual_seed(0)).shape == (2, 1, 16, 16)


@pytest.mark.parametrize("seed", range(4))
def test_a_composition_has_the_distribution_of_its_file(seed):
    """What is trained on is what the file, run image by image, would give."""
    operations = [n for n in OPERATIONS if n not in composed_transforms.SLOW]
    candidate = proposed(9, seed, operations=tuple(operations), arities=(3,), sides=(12,))[-1]
    composed_transforms.assert_same_distribution(candidate.source)


@given(st.integers(2, 30), st.data())
def test_spans_are_every_pair_once(ends, data):
    span = Span("scale", 0.0, (ends - 1) * 0.05, 0.05)
    pairs = [span.value(index) for index in range(span.size)]
    assert len(set(pairs)) == span.size == ends * (ends - 1) // 2
    assert all(low < high for low, high in pairs)


def test_numbers_are_written_short():
    assert [Number("p", 0.1, 0.4, 0.1).value(i) for i in range(4)] == [0.1, 0.2, 0.3, 0.4]
    assert repr(Number("bits", 1, 7, 1).value(3)) == "4"


@pytest.mark.parametrize(
    "wrong",
    [
        {"operations": ("Turn",)},
        {"arities": ()},
        {"arities": (25,)},
        {"sides": (0,)},
        {"sides": (32, 32)},
        {"image_side": 7},
    ],
)
def test_a_wrong_configuration_is_refused(wrong):
    with pytest.raises(UsageError):
        TransformsConfig(**wrong)
