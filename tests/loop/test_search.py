"""Searches in the corpus: the same trials whatever happens on the way."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lemur2.architecture import Architecture, Refusal, Verdict, zoo_source
from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.evaluation import Protocol
from lemur2.evaluation.plan import Plan
from lemur2.loop.search import Settings, Study, resume_train
from lemur2.loop.sources import Network, find
from lemur2.loop.training import Trainer, Watcher, train

TRIALS = 3
COMMAND = (
    *(sys.executable, "-m", "lemur2", "train", "LeNet", "--dataset", "digits", "--threads", "1"),
    *("--epochs", "2", "--trials", str(TRIALS), "--seed", "5", "--prune", "median"),
)
SETTINGS = Settings(prune="median")


@pytest.fixture(scope="module")
def plan():
    return Plan.of(Protocol(dataset="digits", epochs=2, seed=5))


@pytest.fixture
def corpus(tmp_path):
    with Corpus.open(tmp_path / "corpus.db", create=True) as opened:
        yield opened


class Listener(Watcher):
    def __init__(self):
        self.tested = []

    def testing(self, hyperparameters):
        self.tested.append(dict(hyperparameters))


def study(engine, corpus, plan, settings=SETTINGS, source=None, watcher=None):
    network = find("LeNet").network()
    if source is not None:
        network = Network(architecture=Architecture.parse(source, name="Other"), family="x")
    trainer = Trainer(engine, network, corpus=corpus, watcher=watcher)
    return Study(trainer, plan, settings)


def trials(corpus, run=1):
    return [
        (t.result.hyperparameters, t.result.verdict, [e.score for e in t.result.epochs])
        for t in corpus.trials(run_id=run)
    ]


def test_killed_and_resumed_it_is_the_same_search(engine, corpus, plan, tmp_path):
    done = study(engine, corpus, plan).search(TRIALS)
    assert done.result.score == max(scores[-1] for _, _, scores in trials(corpus) if scores)

    place = tmp_path / "killed.db"
    process = subprocess.Popen([*COMMAND, "--db", place], stdout=subprocess.DEVNULL)
    _wait_for_a_trial(place, process)
    process.kill()
    process.wait()
    with Corpus.open(place) as other:
        assert other.run(1).status == "running"
        before = trials(other)
        assert before == trials(corpus)[: len(before)]
        resumed = resume_train(other, 1, engine)
        assert trials(other) == trials(corpus)
        assert resumed.result.score == done.result.score
        assert (other.run(1).status, other.run(1).done) == ("finished", TRIALS)


def _wait_for_a_trial(place: Path, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if place.exists():
            try:
                with Corpus.open(place) as corpus:
                    if corpus.runs() and corpus.trials(run_id=1):
                        return
            except UserError:
                pass  # no tables yet
        time.sleep(0.05)
    pytest.fail("no trial was stored")


def test_the_same_command_goes_on(engine, corpus, plan):
    study(engine, corpus, plan).search(2)
    first = trials(corpus)
    again = study(engine, corpus, plan).search(3)
    assert (again.run, len(corpus.runs())) == (1, 1)
    assert trials(corpus)[:2] == first
    assert len(trials(corpus)) == 3
    assert corpus.run(1).told == 0  # a search tells no generator
    other = study(engine, corpus, plan, Settings(fixed={"lr": 0.1})).search(1)
    assert other.run == 2


def test_the_test_part_is_scored_once_for_the_best(engine, corpus, plan):
    listener = Listener()
    found = study(engine, corpus, plan, watcher=listener).search(2, test=True)
    assert found.result.test_score is not None
    assert listener.tested == [found.result.hyperparameters]
    best, *_ = sorted(trials(corpus), key=lambda t: -t[2][-1])
    assert best[0] == found.result.hyperparameters
    tested = [t for t in corpus.trials(run_id=1) if t.result.test_score is not None]
    assert len(tested) == 1
    assert tested[0].result.score == best[2][-1]  # the same training over again

    again = study(engine, corpus, plan, watcher=listener).search(2, test=True)
    assert again.result == found.result
    assert len(listener.tested) == 1
    assert corpus.run(1).done == 2


def test_failed_trials_are_verdicts_and_the_search_goes_on(engine, corpus, plan):
    source = zoo_source("LeNet").replace(
        "self.optimizer.step()",
        "self.optimizer.step()\n            if self.optimizer.param_groups[0]['lr'] > 1e-3: 1 / 0",
    )
    found = study(engine, corpus, plan, Settings(), source).search(4)
    verdicts = [verdict for _, verdict, _ in trials(corpus)]
    assert {"ok", "train"} == set(verdicts)
    assert found.verdict is Verdict.OK
    assert found.result.hyperparameters["lr"] <= 1e-3


def test_a_search_that_never_ends_well_has_no_result(engine, corpus, plan):
    source = zoo_source("LeNet").replace("self.optimizer.step()", "1 / 0")
    found = study(engine, corpus, plan, Settings(), source).search(1)
    assert found.verdict is Verdict.TRAIN
    assert found.result is None
    assert "no trial ended well" in found.reason


def test_transforms_are_a_choice(engine, corpus, plan, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from torchvision import transforms\n\ndef transform(norm):\n"
        "    return transforms.Compose([transforms.Resize((40, 40)), transforms.ToTensor()])\n"
    )
    settings = Settings(transforms=("norm_32", str(mine)), fixed={"batch": 64})
    study(engine, corpus, plan, settings).search(3)
    assert {prm["transform"] for prm, _, _ in trials(corpus)} <= {"norm_32", "mine"}
    assert {prm["batch"] for prm, _, _ in trials(corpus)} == {64}


def test_a_network_that_computes_what_it_declares_cannot_be_searched(engine, corpus, plan):
    source = zoo_source("LeNet").replace('{"lr", "momentum"}', 'set("lr momentum".split())')
    with pytest.raises(UserError, match="computes what"):
        study(engine, corpus, plan, source=source)


def test_a_single_training_resumes_too(engine, corpus, plan):
    class Quits(Watcher):
        def epoch(self, epoch):
            raise KeyboardInterrupt

    network = find("LeNet").network()
    with pytest.raises(KeyboardInterrupt):
        train(Trainer(engine, network, corpus=corpus, watcher=Quits()), plan)
    assert corpus.run(1).status == "interrupted"
    resumed = resume_train(corpus, 1, engine)
    assert resumed.verdict is Verdict.OK
    assert len(trials(corpus)) == 1
    again = resume_train(corpus, 1, engine)
    assert again.result == corpus.trials()[0].result


def test_what_cannot_be_resumed(engine, corpus, plan):
    bad = zoo_source("LeNet").replace("import torch\n", "import nosuch\n")
    network = Network(architecture=Architecture.parse(bad, name="Bad"), family="x")
    refused = train(Trainer(engine, network, corpus=corpus), plan)
    assert refused.verdict is Verdict.IMPORT
    assert corpus.architecture("Bad") is None
    assert corpus.run(1).state["verdict"] == "import"
    with pytest.raises(UserError, match="screening refused"):
        resume_train(corpus, 1, engine)
    with pytest.raises(UserError, match="no run 9"):
        resume_train(corpus, 9, engine)


def test_a_network_that_is_not_known_is_one_line():
    with pytest.raises(UserError, match=r"LeNett.*did you mean LeNet"):
        find("LeNett")
    with pytest.raises(UserError) as refused:
        find("nothing-like-it")
    assert "did you mean" not in str(refused.value)


def test_names_of_files(tmp_path):
    """A file is named for its content, and a file that is named so already keeps its name."""
    file = tmp_path / "mine.py"
    file.write_text(zoo_source("LeNet"))
    first = find(str(file)).network()
    assert first.family == "mine"
    assert first.architecture.name.startswith("mine-")
    copy = tmp_path / f"{first.architecture.name}.py"
    copy.write_text(zoo_source("LeNet"))
    assert find(str(copy)).network().architecture.name == first.architecture.name
    copy.write_text(zoo_source("ResNet20"))
    assert find(str(copy)).network().architecture.name != first.architecture.name
    file.write_text("def")
    with pytest.raises(Refusal):
        find(str(file)).network()
