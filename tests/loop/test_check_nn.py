"""`lemur2.check_nn`."""

import pytest

import lemur2
from lemur2.architecture import content_name, zoo_source
from lemur2.corpus import Corpus
from lemur2.errors import UsageError

TASK = ("img-classification", "digits", "acc")
PRM = {"lr": 0.1, "batch": 64, "momentum": 0.9, "dropout": 0.2, "transform": "norm_32", "epoch": 2}
LENET = zoo_source("LeNet")


def test_one_call(engine, tmp_path):
    place = tmp_path / "corpus.db"
    checked = lemur2.check_nn(LENET, *TASK, PRM, prefix="rl", db=place, engine=engine)
    assert checked.verdict == "ok"
    assert checked.name == content_name("rl", LENET)
    assert checked.accuracy > 0.5
    assert checked.parameters == 61_706
    assert checked.code_quality == 1
    name, accuracy, accuracy_to_time, quality = checked
    assert (name, accuracy, quality) == (checked.name, checked.accuracy, 1)
    with Corpus.open(place) as corpus:
        (trial,) = corpus.trials(architecture=name)
        seconds = sum(epoch.seconds for epoch in trial.result.epochs)
        assert accuracy_to_time == pytest.approx(accuracy / seconds)
        assert corpus.architecture(name).family == "rl"
        assert trial.result.hyperparameters == {
            name: value for name, value in PRM.items() if name != "dropout"
        }
    again = lemur2.check_nn(LENET, *TASK, PRM, save_to_db=False, engine=engine)
    assert (again.accuracy, again.run) == (checked.accuracy, None)


def test_without_an_engine_it_is_isolated_all_the_same(tmp_path):
    mark = tmp_path / "mark"
    source = LENET.replace("import torch\n", f"import torch\nopen({str(mark)!r}, 'w')\n", 1)
    checked = lemur2.check_nn(source, *TASK, PRM, save_to_db=False)
    assert checked.verdict == "forbidden"
    assert not mark.exists()


BAD = {
    "def f(:": "syntax",
    "x = 1": "contract",
    LENET.replace("import torch\n", "import nosuch\n", 1): "import",
    LENET.replace("return self.output(x)", "return x"): "shape",
    LENET.replace("return self.output(x)", "return self.output(x).detach()"): "backward",
    LENET.replace("self.optimizer.step()", "raise SystemExit"): "crash",
}


@pytest.mark.parametrize("source", BAD, ids=BAD.values())
def test_a_bad_network_raises_nothing(engine, source, tmp_path):
    checked = lemur2.check_nn(source, *TASK, PRM, db=tmp_path / "corpus.db", engine=engine)
    assert checked.verdict == BAD[source]
    assert checked.reason
    assert checked.accuracy is checked.accuracy_to_time is None


@pytest.mark.parametrize(
    ("task", "dataset", "metric", "prm"),
    [
        ("txt-generation", "digits", "acc", {}),
        ("img-classification", "nosuch", "acc", {}),
        ("img-classification", "digits", "bleu", {}),
        ("img-classification", "digits", "acc", {"epoch": 0}),
        ("img-classification", "digits", "acc", {"epoch": 0.5}),
        ("img-classification", "digits", "acc", {"lr": "fast"}),
        ("img-classification", "digits", "acc", {"transform": "nosuch"}),
    ],
)
def test_a_wrong_call_raises(task, dataset, metric, prm):
    with pytest.raises(UsageError):
        lemur2.check_nn(LENET, task, dataset, metric, prm, save_to_db=False)
