"""What a corpus held when a run began."""

import pytest
import sqlalchemy as sa
from corpus_samples import grow, outcome, trial_result

from lemur2.architecture import Verdict, zoo_names, zoo_source
from lemur2.corpus import Epoch
from lemur2.corpus.db.schema import trials
from lemur2.corpus.pool import Pool, Terms
from lemur2.corpus.rows import trials as trial_rows
from lemur2.corpus.rows.architectures import identify
from lemur2.errors import UserError

TASK = "img-classification"


def scored(score, **changes):
    epoch = Epoch(epoch=1, score=score, loss=1.5, seconds=2.0, memory=1000)
    return trial_result(epochs=(epoch,), **changes)


def record(corpus, nn, result):
    """A trial of a network that is there."""
    with corpus.database.write() as connection:
        trial_rows.record(connection, identify(connection, nn), result, None)


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


def test_trials_that_come_later_are_not_seen(corpus):
    """Of a network that was there before: no score, no data set, no task and no known trial."""
    terms = Terms(metric="acc", transform="norm_32", seed=7)
    planned = {"lr": 0.01, "batch": 64, "momentum": 0.9, "dropout": 0.2, "epoch": 1}
    known = {"terms": terms, "dataset": "digits"}
    grow(corpus, [outcome("A", trial=scored(0.25)), outcome("B", trial=None)])
    seen = Pool(corpus, task=TASK).watermark
    later = scored(0.75, hyperparameters=planned)
    for _ in range(2):
        record(corpus, "A", later)
        record(corpus, "A", scored(1.0, dataset="svhn"))
        record(corpus, "A", scored(1.0, metric="error"))
        record(corpus, "B", scored(1.0, task="txt-generation"))
    before = Pool(corpus, task=TASK, watermark=seen)
    assert (before.dataset, before.metric) == ("digits", "acc")
    assert by_name(before) == {"A": 0.25, "B": None}
    assert Pool(corpus, task=TASK, watermark=seen, **known).known("digest of A") is None
    now = Pool(corpus, task=TASK, **known)
    assert by_name(now) == {"A": 0.75}
    assert now.known("digest of A").score == 0.75


def test_a_known_trial_has_all_hyperparameters_that_are_named(corpus):
    planned = {"lr": 0.01, "batch": 64, "momentum": 0.9, "dropout": 0.2, "epoch": 1}
    grow(corpus, [outcome("A", trial=scored(0.25, hyperparameters=planned))])
    terms = Terms(metric="acc", transform="norm_32", seed=7)
    pool = Pool(corpus, task=TASK, dataset="digits", terms=terms)

    def knows(**given):
        return pool.known("digest of A", hyperparameters=given) is not None

    assert knows()
    assert knows(lr=0.01)
    assert knows(lr=0.01, batch=64, momentum=0.9, dropout=0.2)
    assert not knows(lr=0.01, batch=64, momentum=0.9, dropout=0.2, growth=8)
    assert not knows(lr=0.02)


def test_flagged_trials_do_not_count(corpus):
    terms = Terms(metric="acc", transform="norm_32", seed=7)
    planned = {"lr": 0.01, "batch": 64, "momentum": 0.9, "dropout": 0.2, "epoch": 1}
    grow(corpus, [outcome("A", trial=scored(0.25)), outcome("B", trial=scored(0.5))])
    record(corpus, "A", scored(0.75, hyperparameters=planned))
    record(corpus, "A", scored(1.0, verdict=Verdict.DIVERGED))

    def seen():
        pool = Pool(corpus, task=TASK, dataset="digits", terms=terms)
        return by_name(pool), pool.known("digest of A") is not None

    assert seen() == ({"A": 0.75, "B": 0.5}, True)
    with corpus.database.write() as connection:
        last = connection.scalar(sa.select(sa.func.max(trials.c.id))) - 1
        of_trial = trials.c.id == last
        connection.execute(sa.update(trials).where(of_trial).values(flagged="implausible"))
    assert seen() == ({"A": 0.25, "B": 0.5}, False)


def test_an_unknown_network_is_one_clear_line(corpus):
    with pytest.raises(UserError, match="no network Nobody in the corpus or the zoo"):
        Pool(corpus, task=TASK).source("Nobody")
