"""`lemur2 train` on real data in the real sandbox."""

import os
import signal
import sqlite3

import pytest

from lemur2.architecture import Architecture, zoo_source
from lemur2.corpus import Corpus

QUICK = ("--dataset", "digits", "--threads", "1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(zoo_source("LeNet"))
    (tmp_path / "no_net.py").write_text("x = 1\n")
    (tmp_path / "not_python.py").write_text("def f(:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEMUR2_DB", raising=False)
    return tmp_path


def test_a_line_per_epoch_then_the_verdict(lemur2, folder):
    ended = lemur2("train", "mine.py", *QUICK, "--epochs", "2", "--lr", "0.1", "--test", "--json")
    assert ended.code == 0
    *epochs, last = ended.lines
    assert [line["epoch"] for line in epochs] == [1, 2]
    assert last["verdict"] == "ok"
    assert last["score"] == epochs[-1]["score"] > 0.5
    assert 0.3 < last["test_score"] <= 1
    assert last["prm"]["lr"] == 0.1
    with Corpus.open("lemur2.db") as corpus:
        (trial,) = corpus.trials(run_id=last["run"])
        assert trial.architecture == last["name"]
        assert trial.result.test_score == last["test_score"]
        assert [e.score for e in trial.result.epochs] == [line["score"] for line in epochs]
        run = corpus.run(last["run"])
        assert (run.verb, run.status, run.done, run.total) == ("train", "finished", 1, 1)


def test_text_shows_the_perplexity_beside_the_score(lemur2, folder):
    (folder / "unigram.py").write_text(UNIGRAM)
    ended = lemur2(
        *("train", "unigram.py", "--dataset", "python-reference", "--metric", "ppl"),
        *("--threads", "1", "--lr", "0.1"),
    )
    assert ended.code == 0
    assert "perplexity" in ended.out
    score, perplexity = map(float, ended.out.splitlines()[2].split()[1:3])
    assert perplexity == pytest.approx(1000 ** (1 - score), rel=1e-2)
    assert perplexity < 60  # of about a hundred characters


def test_a_network_that_fails_has_a_verdict_and_no_accuracy(lemur2, folder):
    source = zoo_source("LeNet").replace("self.optimizer.step()", "raise ValueError('no')")
    (folder / "fails.py").write_text(source)
    ended = lemur2("train", "fails.py", *QUICK, "--json")
    assert ended.code == 1
    (line,) = ended.lines
    assert (line["verdict"], line["score"]) == ("train", None)
    assert "ValueError: no" in line["reason"]


def test_interrupted(start_lemur2, folder):
    process = start_lemur2("train", "LeNet", *QUICK, "--epochs", "500", "--json")
    assert process.stdout.readline()  # the first epoch
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "lemur2: error: interrupted"
    with Corpus.open("lemur2.db") as corpus:
        assert corpus.run(1).status == "interrupted"
        assert corpus.trials(run_id=1) == []


def newer(path):
    Corpus.open(path, create=True).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE lemur2_version SET version_num = '9999'")
    connection.close()


def corrupt(path):
    Corpus.open(path, create=True).close()
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xa5" * (len(data) - 100))


def read_only(path):
    Corpus.open(path, create=True).close()
    path.chmod(0o444)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (newer, "newer version of lemur2"),
        (corrupt, "corrupt"),
        pytest.param(
            read_only,
            "read-only",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root"),
        ),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("hello" * 100), "not an SQLite database"),
    ],
)
def test_a_database_that_cannot_be_used(lemur2, folder, spoil, words):
    spoil(folder / "bad.db")
    ended = lemur2("train", "LeNet", *QUICK, "--db", "bad.db")
    assert ended.code == 1
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.py", "--dataset", "digits"], 1, "there is no file missing.py"),
        (["LeNet"], 2, "Missing option '--dataset'"),
        (["LeNett", "--dataset", "digits"], 2, "did you mean LeNet"),
        (["LeNet", "--dataset", "nosuch"], 2, "unknown data set 'nosuch'"),
        (["LeNet", *QUICK, "--set", "gamma=1"], 2, "does not declare gamma; it takes batch, lr"),
        (["LeNet", *QUICK, "--dropout", "0.5"], 2, "does not declare dropout"),
        (["LeNet", *QUICK, "--set", "gamma"], 2, "--set takes key=value"),
        (["LeNet", *QUICK, "--set", "lr=fast"], 2, "lr must be a number"),
        (["LeNet", *QUICK, "--epochs", "0"], 2, "--epochs"),
        (["LeNet", *QUICK, "--lr", "fast"], 2, "'fast' is not a number"),
        (["LeNet", *QUICK, "--lr", "nan"], 2, "'nan' is not a number"),
        (["LeNet", *QUICK, "--batch", "0"], 2, "--batch"),
        (["LeNet", *QUICK, "--preset", "fractals"], 2, "fractal"),
        (["LeNet", *QUICK, "--transform", "nosuch"], 2, "unknown transform"),
        (["LeNet", *QUICK, "--metric", "ppl"], 2, "not scored by"),
        (["LeNet", *QUICK, "--prune", "median"], 2, "goes with --trials"),
        (["LeNet", *QUICK, "--trials", "0"], 2, "--trials"),
        (["LeNet", *QUICK, "--trials", "2", "--batch-range", "17..31"], 2, "no power of two"),
        (["LeNet", *QUICK, "--trials", "2", "--batch-range", "many"], 2, "not a range"),
        (
            ["LeNet", *QUICK, "--trials", "2", "--lr", "1", "--momentum", "0", "--batch", "16"],
            2,
            "every hyperparameter is fixed",
        ),
    ],
)
def test_bad_input_is_one_line(lemur2, folder, arguments, code, words):
    ended = lemur2("train", *arguments)
    assert ended.code == code
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not ended.out


def test_a_data_set_that_is_not_on_disk(lemur2, folder, monkeypatch):
    monkeypatch.setenv("LEMUR2_DATA", str(folder))
    ended = lemur2("train", "LeNet", "--dataset", "cifar-10")
    assert ended.code == 1
    assert "'cifar-10' is not on disk" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not (folder / "lemur2.db").exists()


@pytest.mark.parametrize(("name", "verdict"), [("no_net", "contract"), ("not_python", "syntax")])
def test_what_is_no_network(lemur2, folder, name, verdict):
    ended = lemur2("train", f"{name}.py", *QUICK, "--json")
    assert ended.code == 1
    (line,) = ended.lines
    assert (line["verdict"], line["score"]) == (verdict, None)


UNIGRAM = '''\
import torch
from torch import nn


def supported_hyperparameters():
    return {"lr"}


class Net(nn.Module):
    """The same scores whatever the text is."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(out_shape[0]))

    def train_setup(self, prm):
        self.optimizer = torch.optim.Adam(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            scores = self(inputs)
            nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten()).backward()
            self.optimizer.step()

    def forward(self, x):
        return self.scores.expand(*x.shape, -1)
'''


def test_switches_that_do_nothing_here_are_said(lemur2, folder):
    ended = lemur2("train", "LeNet", *QUICK, "--amp", "--checkpointing", "--json")
    assert (ended.code, ended.lines[-1]["verdict"]) == (0, "ok")
    assert "note: --amp has no effect on a CPU\n" in ended.err
    assert "note: --checkpointing has no effect: the network does not offer it\n" in ended.err


def test_a_file_that_the_corpus_has_is_not_renamed(lemur2, folder):
    with Corpus.open("lemur2.db", create=True) as corpus:
        network = Architecture.parse(zoo_source("LeNet"), name="LeNet")
        corpus.add_architecture(name="LeNet", source=network.source, digest=network.digest)
    ended = lemur2("train", "mine.py", *QUICK, "--name", "other")
    assert ended.code == 2
    assert "the corpus has this network as LeNet; leave --name out" in ended.err
