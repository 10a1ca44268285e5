"""What a run trains of what the corpus knows, and that nobody else's writing changes it."""

import random
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from driving import WithoutWorkers
from test_grow import (
    TEMPLATE,
    Climber,
    ClimberConfig,
    Crash,
    Flips,
    InstantEngine,
    _outcome,
    _Waiter,
)
from test_whitespace_tier import Listed

from lemur2.architecture import Verdict
from lemur2.corpus import Corpus, Outcome
from lemur2.corpus.db.schema import trials
from lemur2.evaluation import Limits, Protocol
from lemur2.evaluation.plan import Plan
from lemur2.loop import Generator, Settings, grow, start_run

WIDTHS = (1, 2, 3, 4)
NETWORKS = tuple(TEMPLATE.format(width=width) for width in WIDTHS)


class Widths(Listed):
    """Proposes networks of given sources, with the width that the engine answers by."""

    def ask(self, limit):
        return [
            replace(candidate, parameters={"width": int(candidate.source.split("Linear(")[1][0])})
            for candidate in super().ask(limit)
        ]


class Named(Widths):
    def ask(self, limit):
        return [replace(candidate, name="Fixed") for candidate in super().ask(limit)]


class Answering(WithoutWorkers):
    """Answers as `answer` says; a hook runs before every answer."""

    def __init__(self, answer=None, before=None):
        super().__init__()
        self.answer, self.before = answer or (lambda outcome: outcome), before
        self.trained: list[str] = []

    def evaluate(self, asked):
        if self.before is not None:
            self.before(len(self.trained))
        self.trained.append(asked.name)
        outcome = self.answer(_outcome(asked.candidate, asked.name, asked.digest, asked.plan))
        if asked.max_flops is not None and outcome.facts.flops > asked.max_flops:
            outcome = replace(outcome, trial=None)
        future: Future[Outcome] = Future()
        future.set_result(outcome)
        return future


def proposing(*sources: str, kind: type[Generator] = Widths) -> Generator[Any]:
    return type("Given", (kind,), {"sources": sources})(ClimberConfig(), 0)


def run(corpus, plan, *sources, engine=None, kind=Widths, **settings) -> list[Outcome]:
    generator = proposing(*sources, kind=kind)
    wanted = Settings(total=len(sources), window=2, **settings)
    number = start_run(corpus, generator, plan, Limits(), wanted)
    grow(corpus, number, generator, plan, engine or Answering())
    return [outcome for _, outcome in sorted(corpus.outcomes(number).items())]


def verdicts(outcomes) -> list[str]:
    return [outcome.verdict.value for outcome in outcomes]


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits"))


@pytest.fixture
def corpus(tmp_path):
    with Corpus.open(tmp_path / "c.db", create=True) as opened:
        yield opened


def changed(plan: Plan, **protocol: Any) -> Plan:
    return replace(plan, protocol=plan.protocol.with_(**protocol))


def test_the_same_again_is_skipped_and_says_by_which_rule(corpus, plan):
    first = run(corpus, plan, *NETWORKS)
    again = run(corpus, plan, *NETWORKS)
    assert verdicts(first) == ["ok"] * 4
    assert verdicts(again) == ["duplicate"] * 4
    assert [outcome.duplicate_of for outcome in again] == [outcome.name for outcome in first]
    assert {outcome.reason.partition(", ")[2] for outcome in again} == {
        "trained under this protocol before"
    }


@pytest.mark.parametrize(
    "other",
    [
        {"epochs": 2},
        {"seed": 1},
        {"dataset": "other"},
        {"hyperparameters": {"lr": 0.02}},
        {"hyperparameters": {"batch": 8}},
        {"amp": True},
        {"checkpointing": True},
    ],
    ids=str,
)
def test_under_another_protocol_a_known_network_is_trained_by_its_name(corpus, plan, other):
    first = run(corpus, plan, *NETWORKS)
    again = run(corpus, changed(plan, **other), *NETWORKS)
    assert verdicts(again) == ["ok"] * 4
    assert [outcome.name for outcome in again] == [outcome.name for outcome in first]
    for outcome in again:
        assert len(corpus.trials(architecture=outcome.name)) == 2
    assert len(corpus.content_dump()["architectures"]) == 4


def test_another_metric_transform_or_text_of_a_transform_is_another_training(corpus, plan):
    run(corpus, plan, NETWORKS[0])
    for other in (
        replace(plan, metric="iou"),
        replace(plan, transform="flip"),
        replace(plan, transform_source="# edited"),
    ):
        assert verdicts(run(corpus, other, NETWORKS[0])) == ["ok"]
    assert len(corpus.trials()) == 4


def test_what_a_network_does_not_declare_makes_no_difference(corpus, plan):
    run(corpus, plan, NETWORKS[0])
    other = changed(plan, hyperparameters={"momentum": 0.5})
    assert verdicts(run(corpus, other, NETWORKS[0])) == ["duplicate"]


@pytest.mark.parametrize(
    ("verdict", "lasting"),
    [
        (Verdict.DIVERGED, True),
        (Verdict.TRAIN, True),
        (Verdict.TIMEOUT, False),
        (Verdict.MEMORY, False),
        (Verdict.CRASH, False),
        (Verdict.FORBIDDEN, False),
        (Verdict.BUILD, False),
    ],
)
def test_what_the_limits_or_the_machine_ended_is_trained_again(corpus, plan, verdict, lasting):
    def failing(outcome):
        trial = replace(outcome.trial, verdict=verdict)
        return replace(outcome, verdict=verdict, trial=trial)

    run(corpus, plan, NETWORKS[0], engine=Answering(failing))
    (again,) = run(corpus, plan, NETWORKS[0])
    assert again.verdict is (Verdict.DUPLICATE if lasting else Verdict.OK)


def test_a_run_with_a_wrong_rate_does_not_keep_the_right_one_away(corpus, plan):
    def diverging(outcome):
        trial = replace(outcome.trial, verdict=Verdict.DIVERGED, epochs=())
        return replace(outcome, verdict=Verdict.DIVERGED, trial=trial)

    wrong = changed(plan, hyperparameters={"lr": -1.0})
    assert verdicts(run(corpus, wrong, *NETWORKS, engine=Answering(diverging))) == ["diverged"] * 4
    assert verdicts(run(corpus, plan, *NETWORKS)) == ["ok"] * 4


def test_what_was_only_screened_is_trained_and_not_screened_again(corpus, plan):
    first = run(corpus, plan, *NETWORKS, max_flops=0)
    assert verdicts(first) == ["ok"] * 4
    again = run(corpus, plan, *NETWORKS, max_flops=0)
    assert verdicts(again) == ["duplicate"] * 4
    assert all(outcome.reason.endswith(", screened before") for outcome in again)
    assert verdicts(run(corpus, plan, *NETWORKS)) == ["ok"] * 4


def test_a_bound_on_flops_is_that_of_training(corpus, plan):
    """A network of 1 FLOP that was screened: at a bound of 1 it is trained, below that skipped."""
    run(corpus, plan, NETWORKS[0], max_flops=0)
    (skipped,) = run(corpus, plan, NETWORKS[0], max_flops=0.5)
    assert skipped.reason.endswith(", screened before")
    (trained,) = run(corpus, plan, NETWORKS[0], max_flops=1)
    assert trained.verdict is Verdict.OK
    assert trained.trial is not None


def test_a_training_whose_score_is_flagged_is_done_again(corpus, plan):
    run(corpus, plan, NETWORKS[0])
    with corpus.database.write() as connection:
        connection.execute(sa.update(trials).values(flagged="too good"))
    assert verdicts(run(corpus, plan, NETWORKS[0])) == ["ok"]


def test_twice_in_a_run_is_once(corpus, plan):
    engine = Answering()
    first, second = run(corpus, plan, NETWORKS[0], NETWORKS[0] + "# again\n", engine=engine)
    assert (first.verdict, second.verdict) == (Verdict.OK, Verdict.DUPLICATE)
    assert second.reason == f"the same network as {first.name}, in this run"
    assert len(engine.trained) == 1


def test_a_network_is_trained_by_the_name_that_it_is_known_by(corpus, plan):
    (first,) = run(corpus, plan, NETWORKS[0])
    (second,) = run(corpus, changed(plan, seed=3), NETWORKS[0] + "# otherwise written\n")
    (third,) = run(corpus, changed(plan, seed=4), NETWORKS[0], kind=Named)
    assert first.name == second.name == third.name
    assert len(corpus.trials(architecture=first.name)) == 3


def test_a_given_name_that_is_taken_is_told_apart(corpus, plan):
    (first,) = run(corpus, plan, NETWORKS[0], kind=Named)
    (second,) = run(corpus, plan, NETWORKS[1], kind=Named)
    assert first.name == "Fixed"
    assert second.name == f"Fixed-{second.digest[:8]}"
    assert second.verdict is Verdict.OK
    assert verdicts(run(corpus, plan, NETWORKS[1], kind=Named)) == ["duplicate"]


# -- a second writer ---------------------------------------------------------------------------


def disturbed(place, plan, *, crashes=(), writer=None):
    """A run during which `writer` writes; what is stored of the run, and what it trained."""
    trained = []
    with Corpus.open(place, create=True) as corpus:
        run(corpus, plan, NETWORKS[0])
        wanted = Settings(total=len(NETWORKS), window=2)
        number = start_run(corpus, proposing(*NETWORKS), plan, Limits(), wanted)
    for crash in (*crashes, None):
        with Corpus.open(place) as corpus:

            def before(count, corpus=corpus, crash=crash):
                if writer is not None:
                    writer(corpus)
                if count == crash:
                    raise Crash

            engine = Answering(before=before)
            try:
                grow(corpus, number, proposing(*NETWORKS), plan, engine)
            except Crash:
                continue
            finally:
                trained += engine.trained
            dump = corpus.content_dump()
    return dump["runs"][1], trained


def others_runs(plan):
    """Another process's writing: the same networks, trained and screened under the same terms."""

    def write(corpus):
        with Corpus.open(corpus.database.place) as other:
            run(other, plan, *reversed(NETWORKS))
            run(other, plan, *NETWORKS, max_flops=0)

    return write


@pytest.mark.parametrize("crashes", [(), (1,), (0, 1, 0, 2)], ids=str)
def test_a_second_writer_changes_nothing(tmp_path, plan, crashes):
    alone, _ = disturbed(tmp_path / "alone.db", plan)
    found, _ = disturbed(tmp_path / "beside.db", plan, crashes=crashes, writer=others_runs(plan))
    assert found == alone
    outcomes = [attempt["outcome"]["verdict"] for attempt in found["attempts"]]
    assert outcomes == ["duplicate", "ok", "ok", "ok"]


def test_a_trial_that_was_under_way_is_not_seen_when_it_ends(tmp_path, plan):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        (first,) = run(corpus, plan, NETWORKS[0], max_flops=0)
        trial = _outcome(first.candidate, first.name, first.digest, plan).trial
        fields = ("task", "dataset", "metric", "transform", "hyperparameters", "seed")
        given = {name: getattr(trial, name) for name in (*fields, "environment")}
        under_way = corpus.begin_trial(first.name, transform_source=trial.transform_source, **given)
        engine = Answering(before=lambda count: corpus.finish_trial(under_way, Verdict.OK))
        outcomes = run(corpus, plan, NETWORKS[1], NETWORKS[2], NETWORKS[0], engine=engine)
        assert verdicts(outcomes) == ["ok"] * 3
        assert verdicts(run(corpus, plan, NETWORKS[0])) == ["duplicate"]


def test_a_transform_that_was_under_way_is_not_seen_when_it_ends(corpus, plan):
    """One that another run was screening, and has screened when this one comes to it."""
    screening = Settings(total=1, max_flops=0)

    def start():
        return start_run(corpus, Flips(ClimberConfig(), 1), plan, Limits(), screening)

    def verdict(number):
        grow(corpus, number, Flips(ClimberConfig(), 1), plan, Answering())
        return corpus.outcomes(number)[0].verdict

    other = start()
    (asked,) = Flips(ClimberConfig(), 1).ask(1)
    read = asked.parse()
    corpus.advance(other, told=0, state={}, asked=[(asked, read.name, read.digest)])
    mine = start()
    screened = replace(_outcome(asked, read.name, read.digest, plan), trial=None)
    corpus.record(other, 0, screened)
    assert verdict(mine) is Verdict.OK
    assert verdict(start()) is Verdict.DUPLICATE


def test_facts_that_another_run_adds_are_not_seen(tmp_path, plan):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        named = [proposing(source).ask(1)[0].parse() for source in NETWORKS]
        for each in named:
            corpus.add_architecture(name=each.name, source=each.source, digest=each.digest)

        def screened(count):
            if count == 0:
                with Corpus.open(corpus.database.place) as other:
                    run(other, plan, *NETWORKS, max_flops=0)

        engine = Answering(before=screened)
        assert verdicts(run(corpus, plan, *NETWORKS, max_flops=0, engine=engine)) == ["ok"] * 4
        assert verdicts(run(corpus, plan, *NETWORKS, max_flops=0)) == ["duplicate"] * 4


def test_a_name_that_another_run_takes_meanwhile_ends_no_run(tmp_path, plan):
    with Corpus.open(tmp_path / "c.db", create=True) as corpus:

        def taken(count):
            if count == 0:
                with Corpus.open(corpus.database.place) as other:
                    run(other, plan, NETWORKS[3], kind=Named)  # another network by that name
                    run(other, plan, NETWORKS[1])  # the same network

        engine = Answering(before=taken)
        (first,) = run(corpus, plan, NETWORKS[0], kind=Named, engine=engine)
        assert (first.verdict, first.name) == (Verdict.OK, f"Fixed-{first.digest[:8]}")
        assert corpus.architecture(first.name).source == NETWORKS[0]
        (second,) = run(corpus, plan, NETWORKS[1])
        assert second.verdict is Verdict.DUPLICATE


def test_the_pool_of_a_run_does_not_change_with_a_trial_that_ends(tmp_path, plan):
    class Meets(Climber):
        def meet(self, pool):
            self.pool = pool

    with Corpus.open(tmp_path / "c.db", create=True) as corpus:
        (first,) = run(corpus, plan, NETWORKS[0], max_flops=0)
        trial = _outcome(first.candidate, first.name, first.digest, plan).trial
        under_way = corpus.begin_trial(
            first.name,
            task=trial.task,
            dataset=trial.dataset,
            metric=trial.metric,
            transform=trial.transform,
            hyperparameters=trial.hyperparameters,
            seed=0,
            environment={},
        )
        generator = Meets(ClimberConfig(), 1)
        number = start_run(corpus, generator, plan, Limits(), Settings(total=1, window=1))
        corpus.add_epoch(under_way, trial.epochs[0])
        corpus.finish_trial(under_way, Verdict.OK)
        grow(corpus, number, generator, plan, _Waiter(InstantEngine(random.Random(0))))
        assert generator.pool.by_name[first.name].score is None
