"""A corpus that holds what no network may say any longer is read, shown, queried, exported."""

import json

import pytest

from lemur2.architecture import Candidate, Verdict
from lemur2.corpus import Corpus, Epoch, Facts, Outcome, TrialResult

NAMES = {
    "a lone surrogate": {"\ud800": 0.5},
    "an escape sequence": {"\x1b[2J\x1b]0;PWN\x07": 0.5, "text": "\x1b[31m\u202e"},
    "300,000 names": {f"name{number}": number for number in range(300_000)},
    "a long name": {"n" * 100_000: 1},
}
RUN = {
    "verb": "grow",
    "generator": "fractal",
    "config": {},
    "seed": 0,
    "protocol": {"dataset": "digits"},
    "limits": {},
    "total": 1,
    "environment": {},
}


@pytest.fixture(params=NAMES)
def unclean(request, tmp_path):
    """The file of a corpus with one trial whose hyperparameters are called so."""
    bad = NAMES[request.param]
    epoch = Epoch(epoch=1, score=0.5, loss=1.0, seconds=1.0, memory=1, diagnostics=bad)
    trial = TrialResult(
        task="img-classification",
        dataset="digits",
        metric="acc",
        transform="norm_32",
        hyperparameters={"lr": 0.1, "batch": 8, **bad},
        seed=0,
        verdict=Verdict.OK,
        epochs=(epoch,),
    )
    facts = Facts(
        input_size=32,
        sample_shape=(3, 32, 32),
        outputs=(10,),
        parameters=1,
        flops=1,
        memory=1,
        seconds=1.0,
        structure_digest="ab",
        notes=("\ud800\x1b[2J",),
    )
    candidate = Candidate(source="x = '\x1b[2J'\n", generator="fractal", prefix="F")
    outcome = Outcome(
        candidate=candidate,
        name="F-1",
        digest="d",
        verdict=Verdict.OK,
        facts=facts,
        trial=trial,
    )
    path = tmp_path / "unclean.db"
    with Corpus.open(path, create=True) as corpus:
        run = corpus.start_run(**RUN)
        corpus.advance(run, told=0, state=None, asked=[(candidate, "F-1", "d")])
        corpus.record(run, 0, outcome)
        corpus.finish_run(run)
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("data",),
        ("data", "--json"),
        ("data", "--csv"),
        ("data", "--best", "--sort"),
        ("show", "F-1"),
        ("show", "F-1", "--json"),
        ("runs",),
        ("runs", "--json"),
    ],
    ids=" ".join,
)
def test_it_is_shown(lemur2, unclean, command):
    ended = lemur2(*command, "--db", unclean)
    assert ended.code == 0, ended.err
    assert all(char.isprintable() or char == "\n" for char in ended.out)
    ended.out.encode()
    assert len(ended.out) < 100_000


@pytest.mark.parametrize("form", ["parquet", "field", "huggingface"])
def test_it_is_exported(lemur2, unclean, tmp_path, form):
    ended = lemur2("export", tmp_path / "out", "--format", form, "--db", unclean)
    assert ended.code == 0, ended.err
    assert any((tmp_path / "out").rglob("*"))


def test_it_is_reported(lemur2, unclean, tmp_path):
    ended = lemur2("report", "--out", tmp_path / "out", "--db", unclean)
    assert ended.code == 0, ended.err


def test_sound_names_stay_as_they_are(lemur2, db):
    rows = lemur2("data", "--db", db, "--json").lines
    assert json.loads(json.dumps(rows)) == rows
    assert any("lr" in row["prm"] for row in rows)
