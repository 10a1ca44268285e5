import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, top_k_accuracy_score

from lemur2.errors import UsageError
from lemur2.metrics import metric, metric_names, perplexity_to_score, score_to_perplexity
from lemur2.testing.metrics import MetricSuite


class TestRegistered(MetricSuite):
    @pytest.fixture(params=metric_names())
    def metric(self, request):
        return metric(request.param)


def scored(name, outputs, targets):
    found = metric(name)
    found.update(np.asarray(outputs, dtype=np.float32), np.asarray(targets))
    return found.result()


def test_unknown_name_gives_close_ones():
    with pytest.raises(UsageError, match="unknown metric 'accc'; did you mean acc"):
        metric("accc")


def test_two_instances_share_nothing():
    first, second = metric("acc"), metric("acc")
    first.update(np.eye(3), np.arange(3))
    assert first.result() == 1.0
    assert math.isnan(second.result())


def test_accuracy_counts_positions():
    outputs = [[[1, 0], [0, 1]], [[1, 0], [1, 0]]]
    assert scored("acc", outputs, [[0, 1], [1, 0]]) == 0.75


@given(st.integers(2, 6), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_iou_against_sets(classes, count, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(1, count, classes)).astype(np.float32)
    targets = rng.integers(0, classes, size=(1, count))
    guesses = outputs.argmax(axis=-1)
    ratios = []
    for each in range(classes):
        truth = set(np.flatnonzero(targets[0] == each))
        guess = set(np.flatnonzero(guesses[0] == each))
        if truth | guess:
            ratios.append(len(truth & guess) / len(truth | guess))
    assert scored("iou", outputs, targets) == pytest.approx(sum(ratios) / len(ratios))


def test_iou_leaves_out_classes_that_do_not_occur():
    outputs = np.zeros((1, 4, 9))
    outputs[0, :, 5] = 1
    assert scored("iou", outputs, [[5, 5, 5, 5]]) == 1.0


@given(st.floats(1.0, 1000.0))
def test_perplexity_and_score_convert_back(perplexity):
    score = perplexity_to_score(perplexity)
    assert 0.0 <= score <= 1.0
    assert score_to_perplexity(score) == pytest.approx(perplexity, rel=1e-9)


@pytest.mark.parametrize(
    ("perplexity", "score"), [(0.5, 1.0), (1, 1.0), (1000, 0.0), (1e9, 0.0), (10, 2 / 3)]
)
def test_perplexity_by_equation_1(perplexity, score):
    assert perplexity_to_score(perplexity) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("vocabulary", [2, 17, 256])
def test_uniform_scores_have_the_vocabulary_as_perplexity(vocabulary):
    outputs = np.full((3, 5, vocabulary), 4.0)
    score = scored("ppl", outputs, np.ones((3, 5), dtype=int))
    assert score_to_perplexity(score) == pytest.approx(vocabulary)


def test_perplexity_stays_finite_for_huge_scores():
    right, wrong = np.array([[[6e4, -6e4]]]), np.array([[[-6e4, 6e4]]])
    assert scored("ppl", right, [[0]]) == 1.0
    assert scored("ppl", wrong, [[0]]) == 0.0
    assert scored("ppl", right.astype(np.float16), [[0]]) == 1.0


def test_perplexity_of_nan_is_no_score():
    assert math.isnan(scored("ppl", [[[math.nan, 0.0]]], [[0]]))


def labelled(classes, count, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(count, classes)).astype(np.float32)
    return outputs, rng.integers(0, max(1, classes - 1), size=count)


@given(st.integers(2, 9), st.integers(1, 60), st.integers(0, 2**32 - 1))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_balanced_accuracy_and_macro_f1_are_scikit_learns(classes, count, seed):
    outputs, targets = labelled(classes, count, seed)
    guesses = outputs.argmax(axis=-1)
    wanted = balanced_accuracy_score(targets, guesses)
    assert scored("balanced-acc", outputs, targets) == pytest.approx(wanted)
    wanted = f1_score(targets, guesses, average="macro", zero_division=0)
    assert scored("macro-f1", outputs, targets) == pytest.approx(wanted)


@given(st.integers(6, 12), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_top_five_is_scikit_learns(classes, count, seed):
    outputs, targets = labelled(classes, count, seed)
    wanted = top_k_accuracy_score(targets, outputs, k=5, labels=np.arange(classes))
    assert scored("top-5", outputs, targets) == pytest.approx(wanted)


def test_always_the_largest_class_is_worth_little():
    outputs = np.tile([1.0, 0.0], (10, 1))
    targets = [0] * 9 + [1]
    assert scored("acc", outputs, targets) == 0.9
    assert scored("balanced-acc", outputs, targets) == 0.5
    assert scored("macro-f1", outputs, targets) == pytest.approx((2 * 9 / 19) / 2)


def test_top_five_of_equal_scores_takes_the_first():
    assert scored("top-5", np.zeros((1, 7)), [4]) == 1.0
    assert scored("top-5", np.zeros((1, 7)), [5]) == 0.0
    assert scored("top-5", np.zeros((2, 5)), [4, 0]) == 1.0


def test_top_five_of_nan_is_wrong():
    outputs = np.zeros((1, 9))
    outputs[0, 2] = math.nan
    assert scored("top-5", outputs, [2]) == 0.0
