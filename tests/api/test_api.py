"""The verbs as functions: what the guide shows, and what it promises."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lemur2
from lemur2.architecture import Verdict
from lemur2.datasets import prepare
from lemur2.errors import UsageError
from lemur2.generators.zoo import ZooGenerator

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "python.md").read_text()


@pytest.fixture
def db(tmp_path):
    return tmp_path / "c.db"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    data = prepare("digits")
    for index, image in enumerate(data.inputs("test")[:6]):
        Image.fromarray(image[0]).save(folder / f"{index}.png")
    return folder


@pytest.mark.long
def test_the_guide_runs_top_to_bottom(tmp_path, pictures):
    (tmp_path / "pictures").symlink_to(pictures)
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE, re.S))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "<run 2: 3 candidates, best" in done.stdout
    assert (tmp_path / "packed" / "predict.py").is_file()


def test_a_file_that_is_no_network_raises_nothing(tmp_path, engine):
    (tmp_path / "bad.py").write_text("x = 1")
    bad, good = lemur2.check(tmp_path / "bad.py", "LeNet", engine=engine)
    assert (bad.verdict, good.verdict) == (Verdict.CONTRACT, Verdict.OK)


def test_a_search(db, engine):
    found = lemur2.train("LeNet", dataset="digits", trials=2, momentum=0.5, db=db, engine=engine)
    with lemur2.Corpus.open(db) as corpus:
        results = [trial.result for trial in corpus.trials()]
        assert [each.hyperparameters["momentum"] for each in results] == [0.5, 0.5]
        assert len({each.hyperparameters["lr"] for each in results}) == 2
        assert len(corpus.artifacts()) == 1
    assert found.result.score == max(each.score for each in results)


def test_a_run_that_was_interrupted_goes_on(db, tmp_path, engine):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.recorded == 2:
            raise Stop

    how = {"dataset": "digits", "max_flops": 2e6, "engine": engine, "window": 2}
    with pytest.raises(Stop):
        lemur2.grow(ZooGenerator, 5, db=db, on_progress=stop, **how)
    resumed = lemur2.resume(1, db=db, engine=engine)
    whole = lemur2.grow(ZooGenerator, 5, db=tmp_path / "other.db", **how)
    assert [(o.name, o.verdict, o.score) for o in resumed] == [
        (o.name, o.verdict, o.score) for o in whole
    ]
    assert len(resumed.table) == 5
    assert "<table" in resumed._repr_html_()


def test_a_trusted_module_is_the_network_that_predicts(db, pictures, engine):
    lemur2.train("LeNet", dataset="digits", db=db, engine=engine)
    predictor = lemur2.load("LeNet", db=db, engine=engine)
    found = predictor(pictures, top=10)
    assert found == lemur2.predict("LeNet", pictures, top=10, db=db, engine=engine)
    assert "LeNet, trial 1, digits, acc" in repr(predictor)
    module = lemur2.load("LeNet", db=db, trusted=True)
    assert isinstance(module, torch.nn.Module)
    assert not module.training
    weights = predictor.trained.weights
    for name, tensor in module.state_dict().items():
        assert np.array_equal(tensor.numpy(), weights[name])


def test_candidates_without_evaluation():
    fractals = lemur2.generate("fractal", 3, seed=1)
    assert [each.generator for each in fractals] == ["fractal"] * 3
    again = lemur2.generate("fractal", 3, seed=1)
    assert [each.source for each in fractals] == [each.source for each in again]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lemur2.grow("fractl", 1, dataset="digits"), "did you mean fractal"),
        (lambda: lemur2.generate("fractal", 1, dephts=(2,)), "config of fractal is wrong"),
        (lambda: lemur2.check("LeNet", task="x", dataset="digits"), "leave `task` out"),
        (lambda: lemur2.train("LeNet", dataset="digits", lr=-1), "lr must be 0 or more"),
    ],
)
def test_a_wrong_call_is_one_line(call, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        call()
    assert list(tmp_path.iterdir()) == []


def test_every_name_is_there_and_says_what_it_is():
    for name in lemur2.__all__:
        found = getattr(lemur2, name)
        assert isinstance(found, str) or found.__doc__, name
    assert set(lemur2.__all__) <= set(dir(lemur2))


def test_importing_the_package_is_quick_work():
    code = "import sys, lemur2; print(sorted({'torch', 'pandas', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
