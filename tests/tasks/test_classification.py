"""Image classification: what counts as a prediction, and the batches that `learn` is given."""

from collections import namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Refusal, Verdict
from lemur2.tasks import ImageClassification

TASK = ImageClassification()
INPUTS = torch.zeros(2, 3, 32, 32)
MAIN = torch.arange(20.0).reshape(2, 10)
AUX = -MAIN
Inception = namedtuple("Inception", ["logits", "aux_logits"])


@pytest.mark.parametrize(
    "output",
    [
        MAIN,
        MAIN.double(),
        (MAIN, AUX),
        [MAIN, [AUX, AUX]],
        Inception(MAIN, AUX),
        Inception(MAIN, None),
        {"out": MAIN, "aux": AUX},
        (torch.zeros(2, 512), MAIN, AUX),
        ({"logits": MAIN}, 0.5),
    ],
)
def test_the_main_scores_are_the_first_of_the_right_shape(output):
    assert torch.equal(TASK.predictions(output, INPUTS, (10,)), MAIN)


@pytest.mark.parametrize(
    ("output", "came"),
    [
        (torch.zeros(2, 1000), r"a tensor \(2, 1000\)"),
        (torch.zeros(2, 10, 1, 1), r"a tensor \(2, 10, 1, 1\)"),
        (torch.zeros(10), r"a tensor \(10,\)"),
        ((torch.zeros(2, 9), torch.zeros(4)), r"a tuple of \(2, 9\), \(4,\)"),
        (None, "a NoneType without tensors"),
    ],
)
def test_a_refusal_says_what_came_and_what_was_needed(output, came):
    with pytest.raises(Refusal, match=rf"{came}.*\(2, 10\)") as refused:
        TASK.predictions(output, INPUTS, (10,))
    assert refused.value.verdict is Verdict.SHAPE


def test_complex_scores_are_refused_with_a_remedy():
    with pytest.raises(Refusal, match=r"complex64.*absolute value"):
        TASK.predictions(MAIN.to(torch.complex64), INPUTS, (10,))


def test_the_loss_reaches_auxiliary_heads():
    body = torch.nn.Linear(3, 4)
    heads = torch.nn.ModuleList([torch.nn.Linear(4, 10), torch.nn.Linear(4, 10)])
    inputs, targets = TASK.example((3, 32, 32), (10,), 5, seed=0)
    features = body(inputs.mean((2, 3)))
    output = tuple(head(features) for head in heads)
    TASK.loss(output, inputs, targets, (10,)).backward()
    assert all(head.weight.grad.abs().sum() > 0 for head in heads)
    single = TASK.loss(output[0], inputs, targets, (10,))
    torch.testing.assert_close(single, torch.nn.functional.cross_entropy(output[0], targets))


class Recorder:
    """A pipeline that shows what it was given: the raw batch, and draws from the generator."""

    def __init__(self):
        self.draws = []

    def train(self, batch, generator):
        assert batch.dtype == torch.uint8
        self.draws.append(torch.rand((), generator=generator).item())
        return batch.float() + 1000

    def evaluate(self, batch):
        raise AssertionError("training must not use the deterministic form")


def _numbered(rows):
    """Images that carry their own number, which is also their label."""
    numbers = np.arange(rows)
    images = np.zeros((rows, 3, 2, 2), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 1, 0, 0] = numbers % 256, numbers // 256
    return images, numbers.astype(np.int64)


def _numbers(inputs):
    return (inputs[:, 0, 0, 0] + 256 * inputs[:, 1, 0, 0]).long()


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 400), batch=st.integers(1, 70), seed=st.integers(0, 2**31))
def test_every_image_comes_once_with_its_own_label(rows, batch, seed):
    images, labels = _numbered(rows)
    epoch = TASK.train_batches(images, labels, None, batch, seed)
    batches = list(epoch)
    assert len(epoch) == len(batches)
    assert all(len(given) == batch for given, _ in batches[:-1])
    assert all(torch.equal(_numbers(given * 255), given_labels) for given, given_labels in batches)
    seen = torch.cat([labels for _, labels in batches]).tolist()
    lone = rows % batch == 1 and rows > 1 and batch > 1
    assert len(set(seen)) == len(seen) == rows - lone
    assert lone or len(seen) == rows


def test_images_are_scaled_without_a_pipeline():
    images = np.full((4, 1, 2, 2), 255, dtype=np.uint8)
    (batch,) = TASK.train_batches(images, np.zeros(4, dtype=np.int64), None, 4, 0)
    assert batch[0].dtype == torch.float32
    assert torch.equal(batch[0], torch.ones(4, 1, 2, 2))


def test_the_pipeline_gets_raw_batches_and_one_seeded_generator():
    images, labels = _numbered(40)
    draws = []
    for seed in (1, 1, 2):
        recorder = Recorder()
        batches = list(TASK.train_batches(images, labels, recorder, 16, seed))
        assert all(int(inputs.min()) >= 1000 for inputs, _ in batches)
        draws.append(recorder.draws)
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 3


def test_a_second_pass_has_its_own_order_and_repeats_exactly():
    images, labels = _numbered(64)

    def two_passes():
        epoch = TASK.train_batches(images, labels, None, 64, seed=3)
        return [next(iter(epoch))[1].tolist() for _ in range(2)]

    first, second = two_passes()
    assert first != second
    assert [first, second] == two_passes()


def test_memory_mapped_arrays_are_left_as_they_are(tmp_path):
    images, labels = _numbered(32)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="c"), np.load(tmp_path / "y.npy", mmap_mode="c")
    for inputs, targets in TASK.train_batches(*mapped, None, 8, 0):
        inputs.zero_()
        targets.zero_()
    assert np.array_equal(mapped[0], images)
    assert np.array_equal(mapped[1], labels)
