"""What a network tells of itself after an epoch: stored as it is, trusted with nothing."""

import pytest
from driving import train
from nets import LEARN, net

from lemur2.architecture import Candidate, Refusal, Verdict
from lemur2.corpus import Corpus, Outcome
from lemur2.evaluation import Protocol
from lemur2.evaluation.jobs.train import read_diagnostics
from lemur2.evaluation.plan import Plan

TELLS = """

    def diagnostics(self):
        self.told = getattr(self, "told", 0) + 1
        return {result}
"""


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits", epochs=2))


def told(engine, plan, result):
    source = net(learn=LEARN) + TELLS.format(result=result)
    return source, train(engine, source, plan)


def test_it_is_read_after_every_epoch_and_stored(engine, plan, tmp_path):
    result = '{"told": self.told, "routing": [[0.5, 1], [2, float("nan")]]}'
    source, trial = told(engine, plan, result)
    assert trial.verdict is Verdict.OK, trial.reason
    expected = [{"told": n, "routing": [[0.5, 1], [2, None]]} for n in (1, 2)]
    assert [epoch.diagnostics for epoch in trial.epochs] == expected
    candidate = Candidate(source=source, generator="g", name="Teller")
    outcome = Outcome(
        candidate=candidate, name="Teller", digest="1", verdict=Verdict.OK, trial=trial
    )
    with Corpus.open(tmp_path / "a.db", create=True) as corpus:
        corpus.add_architecture(name="Teller", source=source, digest="1")
        number = corpus.begin_trial(
            "Teller",
            task=trial.task,
            dataset=trial.dataset,
            metric=trial.metric,
            transform=trial.transform,
            hyperparameters=trial.hyperparameters,
            seed=0,
            environment={},
        )
        for epoch in outcome.trial.epochs:
            corpus.add_epoch(number, epoch)
        corpus.finish_trial(number, Verdict.OK)
        (stored,) = corpus.trials()
    assert stored.result.epochs == trial.epochs


def test_networks_that_tell_nothing_have_none(engine, plan):
    trial = train(engine, net(learn=LEARN), plan)
    assert [epoch.diagnostics for epoch in trial.epochs] == [None, None]


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("1 / 0", Verdict.TRAIN),
        ("[1, 2]", Verdict.TRAIN),
        ('{"net": self}', Verdict.TRAIN),
        ('{"text": "<script>"}', Verdict.FORBIDDEN),
        ('{"deep": [[[[1]]]]}', Verdict.FORBIDDEN),
        ('{"long": [0] * 20_000}', Verdict.FORBIDDEN),
        ('{"large": 10**30}', Verdict.FORBIDDEN),
    ],
)
def test_what_cannot_be_stored_ends_the_trial_with_a_cause(engine, plan, result, verdict):
    _, trial = told(engine, plan, result)
    assert trial.verdict is verdict
    assert trial.reason
    assert trial.epochs == ()


def test_numbers_are_counted_over_all_names():
    half = [0.0] * 5_000
    most = {"first": half, "second": half}
    assert read_diagnostics({"diagnostics": most}) == most
    with pytest.raises(Refusal):
        read_diagnostics({"diagnostics": {**most, "third": 0.0}})


def test_a_forged_report_is_refused():
    for forged in (1, "x", [1], {"a": {"b": 1}}):
        with pytest.raises(Refusal):
            read_diagnostics({"diagnostics": forged})
