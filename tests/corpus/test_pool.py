"""What a corpus held when a run began."""

import pytest
from corpus_samples import grow, outcome, trial_result

from lemur2.architecture import zoo_names, zoo_source
from lemur2.corpus import Epoch
from lemur2.corpus.pool import Pool
from lemur2.errors import UserError

TASK = "img-classification"


def scored(score, **changes):
    epoch = Epoch(epoch=1, score=score, loss=1.5, seconds=2.0, memory=1000)
    return trial_result(epochs=(epoch,), **changes)


def by_name(pool):
    return {name: m.score for name, m in pool.by_name.items() if name not in zoo_names()}


def test_without_a_corpus_it_is_the_zoo():
    pool = Pool(None, task=TASK)
    assert [member.name for member in pool.members] == zoo_names(TASK)
    assert {member.score for member in pool.members} == {None}
    assert pool.source("AlexNet") == zoo_source("AlexNet")


def test_members_have_their_best_score_on_the_data_set(corpus):
    grow(corpus, [outcome("A", trial=scored(0.25)), outcome("B", trial=scored(0.5))])
    grow(corpus, [outcome("C", trial=scored(0.75, dataset="mnist-5k"))])
    assert by_name(Pool(corpus, task=TASK, dataset="digits")) == {"A": 0.25, "B": 0.5, "C": None}


def test_the_data_set_is_by_default_the_one_with_the_most_trials(corpus):
    grow(corpus, [outcome("A"), outcome("B"), outcome("C", trial=scored(1.0, dataset="svhn"))])
    assert Pool(corpus, task=TASK).dataset == "digits"


def test_networks_of_another_task_are_left_out(corpus):
    text = trial_result(task="txt-generation", dataset="words")
    grow(corpus, [outcome("A"), outcome("B", trial=text), outcome("C", trial=None)])
    assert set(by_name(Pool(corpus, task=TASK))) == {"A", "C"}


def test_a_program_is_there_once(corpus):
    grow(corpus, [outcome("A", digest="same"), outcome("B", digest="same")])
    assert set(by_name(Pool(corpus, task=TASK))) == {"A"}


def test_what_comes_later_is_not_seen(corpus):
    grow(corpus, [outcome("A", trial=scored(0.25))])
    seen = Pool(corpus, task=TASK).watermark
    grow(corpus, [outcome("B", trial=scored(0.5))])
    before = Pool(corpus, task=TASK, watermark=seen)
    assert by_name(before) == {"A": 0.25}
    assert set(by_name(Pool(corpus, task=TASK))) == {"A", "B"}


def test_an_unknown_network_is_one_clear_line(corpus):
    with pytest.raises(UserError, match="no network Nobody in the corpus or the zoo"):
        Pool(corpus, task=TASK).source("Nobody")
