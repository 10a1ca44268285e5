"""`lemur2 list`: every name that a verb takes, and no other."""

import pytest

from lemur2.cli.commands.list_ import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed(lemur2, kind, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    rows = lemur2("list", kind, "--json").lines
    names = [row["name"] for row in rows]
    assert names
    assert len(names) == len(set(names))
    table = lemur2("list", kind)
    assert table.code == 0
    assert all(name in table.out for name in names)


def test_what_is_listed_is_what_verbs_take(lemur2):
    zoo = {row["name"]: row for row in lemur2("list", "zoo", "--json").lines}
    assert zoo["LeNet"] == {"name": "LeNet", "task": "img-classification", "parameters": 62006}
    (perplexity,) = [r for r in lemur2("list", "metrics", "--json").lines if r["name"] == "ppl"]
    assert perplexity["better"] == "higher"
    assert "fractal" in {row["name"] for row in lemur2("list", "generators", "--json").lines}


def test_a_metric_that_is_to_be_low_says_so(lemur2, error_rate):
    rows = {row["name"]: row for row in lemur2("list", "metrics", "--json").lines if row}
    assert rows[error_rate]["better"] == "lower"


def test_an_unknown_kind_is_wrong_usage(lemur2):
    ended = lemur2("list", "networks")
    assert ended.code == 2
    assert "generators" in ended.err
