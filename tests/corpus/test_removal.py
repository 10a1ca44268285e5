"""Runs taken out of a corpus: what goes with them, what stays, and what is refused."""

import pytest
from corpus_samples import FACTS, RUN, grow, outcome, trial_result

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus
from lemur2.errors import UserError

BOUND = {**RUN, "config": {"pool": {"architecture": 0, "trial": 0}}}


def without_runs(corpus: Corpus) -> dict:
    return {key: value for key, value in corpus.content_dump().items() if key != "runs"}


def test_a_removed_run_leaves_the_corpus_as_it_was(corpus):
    corpus.finish_run(grow(corpus, [outcome("A-1"), outcome("A-2", Verdict.BUILD)]))
    before = corpus.content_dump()
    prompted = Candidate(source="# B-1\n", generator="fractal", prefix="B", prompt="write")
    second = grow(corpus, [outcome("B-1", candidate=prompted), outcome("B-2", Verdict.CRASH)])
    removed = corpus.remove_runs([second])
    assert corpus.content_dump() == before
    assert (removed.runs, removed.attempts, removed.trials, removed.networks) == (1, 2, 1, 1)
    assert corpus.source("B-1") is None
    with corpus.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sources").scalar() == 3


def test_a_network_stays_that_something_refers_to(corpus):
    names = ("trained", "parent", "repeated", "proposed", "alone")
    first = grow(corpus, [outcome(name) for name in names])
    corpus.finish_run(first)
    child = Candidate(source="# child\n", generator="fractal", parents=("parent",))
    second = grow(
        corpus,
        [
            outcome("child", candidate=child),
            outcome("other", Verdict.DUPLICATE, duplicate_of="repeated"),
            outcome("proposed", Verdict.TIMEOUT),
        ],
    )
    corpus.finish_run(second)
    corpus.begin_trial(
        "trained",
        **{
            name: getattr(trial_result(), name)
            for name in ("task", "dataset", "metric", "transform", "hyperparameters", "seed")
        },
        environment={},
    )
    assert corpus.remove_runs([first]).networks == 1
    left = {each["name"] for each in corpus.content_dump()["architectures"]}
    assert left == {"trained", "parent", "repeated", "proposed", "child"}
    assert corpus.remove_runs([second]).networks == 2  # what that run was about
    left = {each["name"] for each in corpus.content_dump()["architectures"]}
    assert left == {"trained", "parent", "repeated"}


def test_a_prompt_that_another_run_was_given_too_stays(corpus):
    first, second = (
        grow(corpus, [outcome(name, candidate=_prompted(name))]) for name in ("A-1", "B-1")
    )
    assert corpus.remove_runs([first]).runs == 1
    (attempt,) = corpus.attempts(second)
    assert attempt.candidate == _prompted("B-1")


def _prompted(name: str) -> Candidate:
    return Candidate(source=f"# {name}\n", generator="fractal", prefix="F", prompt="write")


def test_a_run_that_others_rest_on_is_refused_until_they_are_done(corpus):
    first = grow(corpus, [outcome("A-1")])
    second = corpus.start_run(**BOUND)
    with pytest.raises(UserError, match=f"run {second} is not finished and began on what run 1"):
        corpus.remove_runs([first])
    assert len(corpus.runs()) == 2
    corpus.finish_run(second)
    assert corpus.remove_runs([first]).runs == 1


def test_a_run_between_two_that_are_removed_is_looked_at_too(corpus):
    first = grow(corpus, [outcome("A-1")])
    second = corpus.start_run(**BOUND)
    third = grow(corpus, [outcome("A-2")])
    with pytest.raises(UserError, match=f"run {second} is not finished and began on what run 1"):
        corpus.remove_runs([first, third])
    assert len(corpus.runs()) == 3
    assert corpus.remove_runs([third]).runs == 1  # the second began before it


def test_both_are_removed_together(corpus):
    first = grow(corpus, [outcome("A-1")])
    second = corpus.start_run(**BOUND)
    assert corpus.remove_runs([first, second]).runs == 2


def test_a_run_at_work_is_refused(corpus):
    run = grow(corpus, [outcome("A-1")])
    with (
        corpus.claimed(run),
        pytest.raises(UserError, match="another process is at work on run 1"),
    ):
        corpus.remove_runs([run])
    assert len(corpus.runs()) == 1


def test_no_such_run(corpus):
    run = grow(corpus, [outcome("A-1", facts=FACTS)])
    with pytest.raises(UserError, match="there is no run 9"):
        corpus.remove_runs([run, 9])
    assert len(corpus.runs()) == 1


def test_a_claim_tells_whether_a_run_is_at_work(corpus):
    run = grow(corpus, [outcome("A-1")])
    assert corpus.standing(corpus.run(run)) == "interrupted"
    with corpus.claimed(run):
        assert corpus.at_work(run)
        assert corpus.standing(corpus.run(run)) == "running"
    assert not corpus.at_work(run)
    corpus.finish_run(run)
    assert corpus.standing(corpus.run(run)) == "finished"


def test_a_command_is_carried_out_by_one_at_a_time(corpus):
    with corpus.alone("grow", "it is at work"):
        with pytest.raises(UserError, match="it is at work"):
            corpus.alone("grow", "it is at work").__enter__()
        with corpus.alone("grow --seed 1", "no"):
            pass
    with corpus.alone("grow", "it is at work"):
        pass
