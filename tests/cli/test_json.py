"""What --json prints at least, verb by verb: scripts rely on it.

One thing has one name: `name` and `score` everywhere, but `data`, which keeps the field's words.
(That `check`, `train` and `screen` do as well is tested where they run, in the sandbox.)
"""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "corpus"))
from field_files import GOOD, write_wheel

from lemur2.cli.reporting import RunReporter
from lemur2.corpus import Corpus
from lemur2.loop import Progress

KEYS = {
    "data --db small.db": (
        *("nn", "task", "dataset", "metric", "transform", "epoch", "accuracy", "duration", "prm"),
    ),
    "data --db small.db --code": ("nn", "accuracy", "nn_code"),
    "show F-1 --db small.db": ("name", "family", "source", "facts", "parents", "trials"),
    "runs --db small.db": ("run", "verb", "generator", "status", "done", "total", "seed"),
    "dedupe --db twins.db": ("name", "representative", "tier", "similarity"),
    "champion 1 --front parameters --db small.db": ("name", "score", "parameters"),
    "generate fractal -n 2 --out nets": ("name", "generator", "parents", "parameters", "file"),
    "prompt": ("name", "about"),
    "prompt fewshot": ("name", "about", "text"),
    "prompt --models": ("name", "about", "llm"),
    "curate --out set --db twins.db": ("out", "counts", "splits", "settings"),
    "export out --format field --db small.db": ("networks", "epochs"),
    "import field.whl --db new.db": ("read", "new"),
    "doctor --db small.db": ("isolation", "devices", "datasets", "versions", "corpus"),
}


@pytest.fixture
def folder(db, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_wheel(tmp_path / "field.whl", GOOD)
    with Corpus.open(tmp_path / "twins.db", create=True) as corpus:
        for name in ("A", "B"):
            corpus.add_architecture(name=name, source=f"x = 1  # {name}\n", digest="one")
    return tmp_path


def words(value: object) -> set[str]:
    """All keys in a JSON value."""
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in words(item)}
    if isinstance(value, list):
        return {key for item in value for key in words(item)}
    return set()


@pytest.mark.parametrize("line", KEYS)
def test_keys(lemur2, folder, line):
    ended = lemur2(*line.split(), "--json")
    assert ended.code == 0
    assert ended.lines, "nothing was printed"
    for row in ended.lines:
        assert set(KEYS[line]) <= set(row)
        if not line.startswith("data"):
            assert not {"nn", "accuracy"} & words(row)


def test_grow_says_name_and_score(db, capsys):
    with Corpus.open(db) as corpus:
        (outcome, *_) = corpus.outcomes(1).values()
    with RunReporter("fractal", as_json=True) as reporter:
        reporter(Progress(outcome=outcome, index=0, recorded=1, total=4, best=outcome))
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert {"index", "name", "generator", "verdict", "reason", "score", "seconds"} <= set(row)
    assert (row["name"], row["verdict"], row["score"]) == ("F-0", "ok", 0.52)
    assert not {"nn", "accuracy"} & set(row)
