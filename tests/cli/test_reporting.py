"""What a person sees while a run goes on."""

from lemur2.architecture import Candidate, Verdict
from lemur2.cli.reporting import RunReporter, without_effect
from lemur2.corpus import Corpus, Outcome
from lemur2.corpus.records import Epoch, TrialResult
from lemur2.loop import Progress


def scored(name, score):
    trial = TrialResult(
        task="img-classification",
        dataset="digits",
        metric="acc",
        transform="norm_32",
        hyperparameters={},
        seed=0,
        verdict=Verdict.OK,
        epochs=(Epoch(epoch=1, score=score, loss=1.0, seconds=1.0, memory=1),),
    )
    candidate = Candidate(source="", generator="genetic", prefix="ga")
    return Outcome(candidate=candidate, name=name, digest=name, verdict=Verdict.OK, trial=trial)


def test_a_resumed_run_still_knows_its_best(capsys):
    before, worse, better = scored("a", 0.75), scored("worse", 0.5), scored("better", 0.875)
    with RunReporter("genetic") as reporter:
        reporter(Progress(outcome=worse, index=3, recorded=4, total=9, best=before))
        reporter(Progress(outcome=better, index=4, recorded=5, total=9, best=better))
    worse, better = capsys.readouterr().out.splitlines()
    assert "best 0.7500" in worse
    assert "best 0.8750" in better


def test_hyperparameters_that_no_network_took_are_found(db):
    """One that none declares, one that every candidate brings itself, one that was used."""
    with Corpus.open(db) as corpus:
        assert without_effect(corpus, 1, {"depth": 3, "lr": 0.2, "batch": 64}) == {
            "depth": "no network that was trained declares it",
            "lr": "every candidate brings its own",
        }
        (first, *_) = corpus.outcomes(1).values()
        run = corpus.start_run(
            verb="grow",
            generator="genetic",
            config={},
            seed=0,
            protocol={},
            limits={},
            total=1,
            environment={},
        )
        corpus.advance(run, told=0, state={}, asked=[(first.candidate, "n", "n")])
        assert without_effect(corpus, run, {"depth": 3}) == {}  # nothing was trained
