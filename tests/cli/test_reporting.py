"""What a person sees while a run goes on."""

from lemur2.architecture import Candidate, Verdict
from lemur2.cli.reporting import RunReporter
from lemur2.corpus import Outcome
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
