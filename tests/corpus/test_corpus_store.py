"""What is recorded comes back, once, on every kind of database."""

import dataclasses
import tempfile
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from corpus_samples import (
    FACTS,
    RUN,
    grow,
    hyperparameters,
    json_values,
    outcome,
    outcomes,
    trial_result,
    trial_results,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import Architecture, Candidate, Verdict, zoo_source
from lemur2.corpus import Corpus, Epoch
from lemur2.corpus.db.codec import from_json, join_hyperparameters, split_hyperparameters
from lemur2.corpus.query.table import leaderboard
from lemur2.errors import UserError


@settings(max_examples=40, deadline=None)
@given(st.lists(outcomes(), min_size=1, max_size=3, unique_by=lambda item: item.name), json_values)
def test_outcomes_come_back_as_they_were(items, state):
    with tempfile.TemporaryDirectory() as folder:
        with Corpus.open(Path(folder, "a.db"), create=True) as corpus:
            run_id = grow(corpus, items)
            corpus.advance(run_id, told=len(items), state=state)
        with Corpus.open(Path(folder, "a.db"), read_only=True) as corpus:
            assert list(corpus.outcomes(run_id).values()) == items
            assert corpus.run(run_id).state == state


@given(hyperparameters)
def test_hyperparameters_keep_their_values_and_types(prm):
    columns = split_hyperparameters(prm)
    back = join_hyperparameters(columns, from_json(columns["prm"]))
    assert back == prm
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in prm.items()
    }


@settings(max_examples=20, deadline=None)
@given(trial_results())
def test_a_written_trial_comes_back(result):
    with (
        tempfile.TemporaryDirectory() as folder,
        Corpus.open(Path(folder, "a.db"), create=True) as corpus,
    ):
        corpus.add_architecture(name="A", source="x = 1", digest="d")
        given = {
            field: getattr(result, field)
            for field in ("task", "dataset", "metric", "transform", "hyperparameters", "seed")
        }
        trial = corpus.begin_trial(
            "A",
            **given,
            environment=result.environment,
            transform_source=result.transform_source,
        )
        assert corpus.trials() == []
        for epoch in result.epochs:
            corpus.add_epoch(trial, epoch)
        corpus.finish_trial(trial, result.verdict, result.reason, result.test_score)
        assert [stored.result for stored in corpus.trials(architecture="A")] == [result]


def test_round_trip_on_every_database(corpus):
    items = [
        outcome("F-1", candidate=Candidate(source="\0 \ud800 é\r\n", generator="g", prompt="\0")),
        outcome("F-2", Verdict.SYNTAX, digest="", reason="line 1: no\0pe \ud800"),
        outcome("F-3", Verdict.DUPLICATE, duplicate_of="F-1"),
        outcome("F-4", Verdict.DIVERGED, facts=FACTS, trial=trial_result(verdict=Verdict.DIVERGED)),
    ]
    run_id = grow(corpus, items)
    found = list(corpus.outcomes(run_id).values())
    assert found[0] == items[0]
    assert found[1] == dataclasses.replace(items[1], reason="line 1: no\\x00pe \\ud800")
    assert found[2:] == items[2:]
    assert [trial.result for trial in corpus.trials(run_id=run_id)] == [
        items[0].trial,
        items[3].trial,
    ]


def test_recording_twice_changes_nothing(corpus):
    run_id = grow(corpus, [outcome("F-1"), outcome("F-2", Verdict.BUILD)])
    before = corpus.content_dump()
    assert corpus.record(run_id, 0, outcome("F-1", Verdict.CRASH)) is None
    assert corpus.content_dump() == before


def test_recording_what_was_never_asked_is_a_bug(corpus):
    run_id = grow(corpus, [outcome("F-1")])
    with pytest.raises(ValueError, match="never asked for attempt 5"):
        corpus.record(run_id, 5, outcome("F-5"))


def test_a_run_goes_on_from_what_is_stored(place):
    items = [outcome(f"F-{number}") for number in range(5)]
    asked = [(item.candidate, item.name, item.digest) for item in items]
    with Corpus.open(place, create=True) as corpus:
        run_id = corpus.start_run(**RUN)
        assert corpus.advance(run_id, told=0, state={"b": 1, "a": 2}, asked=asked[:3]) == range(3)
        corpus.record(run_id, 1, items[1])
        corpus.record(run_id, 0, items[0])
    with Corpus.open(place) as corpus:
        run = corpus.run(run_id)
        assert (run.status, run.asked, run.done, run.told) == ("running", 3, 2, 0)
        assert list(run.state) == ["b", "a"]  # a generator may depend on the order
        assert [attempt.outcome for attempt in corpus.attempts(run_id)] == [*items[:2], None]
        assert corpus.attempts(run_id)[2].candidate == items[2].candidate
        assert corpus.advance(run_id, told=2, state=None, asked=asked[3:]) == range(3, 5)
        corpus.finish_run(run_id)
        run = corpus.run(run_id)
        assert (run.status, run.asked, run.told, run.state) == ("finished", 5, 2, None)
        assert {key: getattr(run, key) for key in RUN} == RUN


def test_a_step_is_stored_in_whole_or_not_at_all(corpus):
    run_id = corpus.start_run(**RUN)
    good, bad = outcome("F-1"), outcome("F-2")
    unstorable = dataclasses.replace(bad.candidate, parameters={"no": object()})
    with pytest.raises(TypeError):
        corpus.advance(
            run_id,
            told=1,
            state={},
            asked=[(good.candidate, "F-1", ""), (unstorable, "F-2", "")],
        )
    assert (corpus.attempts(run_id), corpus.run(run_id).told) == ([], 0)


def test_architectures_are_added_once(corpus):
    corpus.add_architecture(name="A", source="x", digest="d", family="hand", hyperparameters=["lr"])
    corpus.add_architecture(name="A", source="x", digest="d")
    first = corpus.architecture("A")
    assert (first.family, first.hyperparameters, first.facts) == ("hand", ("lr",), None)
    corpus.add_architecture(name="ga-17", source="x", digest="d")
    assert corpus.architecture("ga-17").family == "ga"
    corpus.add_architecture(name="A", source="x", digest="d", facts=FACTS)
    assert corpus.architecture("A").facts == FACTS
    with pytest.raises(UserError, match="another network by the name of A; give"):
        corpus.add_architecture(name="A", source="y", digest="e")
    assert corpus.architecture("B") is None
    assert corpus.source("B") is None
    assert corpus.source("A") == "x"


def test_a_refused_name_leaves_the_attempt_pending(corpus):
    corpus.add_architecture(name="F-1", source="another", digest="another")
    run_id = corpus.start_run(**RUN)
    item = outcome("F-1")
    corpus.advance(run_id, told=0, state={}, asked=[(item.candidate, item.name, item.digest)])
    with pytest.raises(UserError, match="F-1"):
        corpus.record(run_id, 0, item)
    assert corpus.outcomes(run_id) == {}
    assert corpus.trials() == []


def test_known_digests(corpus):
    digests = [f"{number:064x}" for number in range(1200)]
    for number in (3, 700, 1199):
        corpus.add_architecture(name=f"A{number}", source="", digest=digests[number])
    corpus.add_architecture(name="later", source="", digest=digests[3])
    assert corpus.known(digests[3]) == "A3"
    assert corpus.known(digests[4]) is None
    assert corpus.known_many(digests) == {
        digests[3]: "A3",
        digests[700]: "A700",
        digests[1199]: "A1199",
    }


def test_lineage(corpus):
    corpus.add_architecture(name="P", source="", digest="p")
    child = Candidate(source="c", generator="mutation", parents=("P", "elsewhere"))
    grow(corpus, [outcome("C", candidate=child), outcome("X", Verdict.BUILD, candidate=child)])
    assert corpus.architecture("C").parents == ("P", "elsewhere")
    assert corpus.children("P") == ["C"]
    assert corpus.architecture("X") is None  # it never got through screening


def test_what_a_recorded_network_says_of_itself(corpus):
    source = zoo_source("ResNet18")
    candidate = Candidate(source=source, generator="zoo", name="ResNet18")
    grow(corpus, [outcome("ResNet18", candidate=candidate), outcome("FractalNet-" + "0" * 32)])
    found = corpus.architecture("ResNet18")
    assert set(found.hyperparameters) == Architecture.parse(source).hyperparameters
    assert (found.family, found.source, found.facts) == ("ResNet18", source, FACTS)
    assert corpus.architecture("FractalNet-" + "0" * 32).family == "FractalNet"


def test_a_transform_is_tried_on_its_first_parent(corpus):
    corpus.add_architecture(name="Net", source="n", digest="n")
    candidate = Candidate(source="t", kind="transform", generator="transforms", parents=("Net",))
    item = outcome("tr-1", candidate=candidate, facts=None)
    run_id = grow(corpus, [item])
    assert corpus.outcomes(run_id) == {0: item}
    assert corpus.architecture("tr-1") is None
    assert [trial.architecture for trial in corpus.trials()] == ["Net"]


def test_unfinished_trials_are_dropped(corpus):
    corpus.add_architecture(name="A", source="", digest="a")
    runs = [corpus.start_run(**RUN), corpus.start_run(**RUN)]
    described = {
        key: getattr(trial_result(), key)
        for key in (
            "task",
            "dataset",
            "metric",
            "transform",
            "hyperparameters",
            "seed",
            "environment",
        )
    }
    epoch = Epoch(epoch=1, score=0.5, loss=None, seconds=1.0, memory=1)
    for run_id in (runs[0], runs[0], runs[1]):
        trial = corpus.begin_trial("A", **described, run_id=run_id)
        corpus.add_epoch(trial, epoch)
        corpus.add_epoch(trial, dataclasses.replace(epoch, score=0.6))
        if run_id == runs[0] and not corpus.trials():
            corpus.finish_trial(trial, Verdict.OK)
    assert corpus.drop_unfinished_trials(runs[0]) == 1
    assert corpus.drop_unfinished_trials(runs[0]) == 0
    assert [trial.result.score for trial in corpus.trials()] == [0.6]
    assert corpus.drop_unfinished_trials(runs[1]) == 1
    with corpus.database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM epochs")) == 1


def test_a_score_of_nan_stays_one(corpus):
    epoch = Epoch(epoch=1, score=float("nan"), loss=float("inf"), seconds=1.0, memory=1)
    grow(corpus, [outcome("A", trial=trial_result(epochs=(epoch,)))])
    (found,) = corpus.trials()[0].result.epochs
    assert found.score != found.score
    assert found.loss == float("inf")


def test_no_such_run_or_network(corpus):
    for call in (corpus.run, corpus.finish_run):
        with pytest.raises(UserError, match="no run 9; `lemur2 runs`"):
            call(9)
    with pytest.raises(UserError, match="no network A"):
        corpus.begin_trial(
            "A",
            task="t",
            dataset="d",
            metric="m",
            transform="",
            hyperparameters={},
            seed=0,
            environment={},
        )


def test_equal_runs_have_equal_dumps(tmp_path):
    items = [outcome("F-1"), outcome("F-2", Verdict.BUILD), outcome("F-3")]
    slower = [
        dataclasses.replace(
            item,
            seconds=9.0,
            facts=item.facts and dataclasses.replace(item.facts, memory=5, seconds=8.0),
            trial=item.trial
            and dataclasses.replace(
                item.trial,
                environment={"threads": 8},
                epochs=tuple(
                    dataclasses.replace(epoch, seconds=7.0, memory=6) for epoch in item.trial.epochs
                ),
            ),
        )
        for item in items
    ]
    with (
        Corpus.open(tmp_path / "a.db", create=True) as one,
        Corpus.open(tmp_path / "b.db", create=True) as two,
    ):
        grow(one, items)
        run_id = two.start_run(**{**RUN, "environment": {"threads": 8}})
        asked = [(item.candidate, item.name, item.digest) for item in slower]
        two.advance(run_id, told=0, state={"step": 0}, asked=asked)
        for index in (2, 0, 1):  # as they finished
            two.record(run_id, index, slower[index])
        assert one.content_dump() == two.content_dump()
        two.finish_run(run_id)
        assert one.content_dump() != two.content_dump()


def test_two_corpora_at_once(tmp_path):
    with (
        Corpus.open(tmp_path / "a.db", create=True) as one,
        Corpus.open(tmp_path / "b.db", create=True) as two,
    ):
        one.add_architecture(name="A", source="one", digest="1")
        two.add_architecture(name="A", source="two", digest="2")
        assert (one.source("A"), two.source("A")) == ("one", "two")


def test_threads_read_while_one_writes(corpus):
    run_id = corpus.start_run(**RUN)
    items = [outcome(f"F-{number}") for number in range(30)]
    asked = [(item.candidate, item.name, item.digest) for item in items]
    corpus.advance(run_id, told=0, state={}, asked=asked)
    failures, finished = [], threading.Event()

    def read() -> None:
        try:
            while not finished.is_set():
                for item in corpus.outcomes(run_id).values():
                    assert item.trial is not None
                    assert corpus.source(item.name) == item.candidate.source
        except BaseException as error:  # noqa: BLE001 - reported below, whatever it is
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for index, item in enumerate(items):
        corpus.record(run_id, index, item)
    finished.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert list(corpus.outcomes(run_id).values()) == items


def test_funnel_of_a_corpus(corpus):
    corpus.add_architecture(name="untrained", source="", digest="u")
    first = grow(
        corpus,
        [
            outcome("F-1"),
            outcome("F-2", Verdict.DUPLICATE, duplicate_of="F-1"),
            outcome("F-3", Verdict.DUPLICATE, duplicate_of="untrained"),
            outcome("F-4", Verdict.DUPLICATE, duplicate_of="gone"),
            outcome("F-5", Verdict.TIMEOUT),
            outcome("F-6", Verdict.TIMEOUT, facts=FACTS),
            outcome("F-7", Verdict.SYNTAX),
        ],
    )
    grow(corpus, [outcome("F-8", Verdict.SHAPE)])

    def counts(run_id: int | None) -> list[int]:
        return [stage.count for stage in corpus.funnel(run_id)["fractal"]]

    assert counts(first) == [7, 6, 4, 4, 2, 1]
    assert counts(None) == [8, 7, 5, 4, 2, 1]
    assert corpus.funnel(99) == {}


def test_leaderboard(corpus):
    def scored(name: str, *scores: float, **changes) -> object:
        epochs = tuple(
            Epoch(epoch=number, score=score, loss=None, seconds=1.0, memory=0)
            for number, score in enumerate(scores, start=1)
        )
        return outcome(name, trial=trial_result(epochs=epochs, **changes))

    grow(
        corpus,
        [
            scored("late", 0.5, 0.9),
            scored("b", 0.9),
            scored("a", 0.9, test_score=0.8),
            scored("low", 0.7, 0.1),
            scored("elsewhere", 0.99, dataset="cifar-10"),
            outcome(
                "failed", Verdict.TRAIN, facts=FACTS, trial=trial_result(verdict=Verdict.TRAIN)
            ),
        ],
    )
    board = leaderboard(corpus, "digits")
    assert [(row.rank, row.nn, row.accuracy, row.epoch) for row in board] == [
        (1, "a", 0.9, 1),
        (2, "b", 0.9, 1),
        (3, "late", 0.9, 2),
        (4, "low", 0.7, 1),
    ]
    assert [row.test_score for row in board[:2]] == [0.8, None]
    assert [row.nn for row in leaderboard(corpus, "digits", limit=1)] == ["a"]
    assert leaderboard(corpus, "nothing") == []
    grow(corpus, [outcome("other metric", trial=trial_result(metric="ppl"))])
    with pytest.raises(UserError, match="acc and ppl; choose one"):
        leaderboard(corpus, "digits")
    assert [row.nn for row in leaderboard(corpus, "digits", metric="ppl")] == ["other metric"]
