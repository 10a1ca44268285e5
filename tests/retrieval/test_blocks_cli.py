"""`lemur2 blocks`: what people and scripts see."""

import json
from pathlib import Path

import pytest

from lemur2.cli import main
from lemur2.cli.errors import exit_code
from lemur2.retrieval.library.search import token_count


@pytest.fixture
def lemur2(capsys):
    """Runs a command; gives exit code, stdout and stderr."""

    def run(*args):
        code = exit_code(lambda: main.main(list(map(str, args)), "lemur2", standalone_mode=False))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_extract_writes_modules_and_says_how_far_they_get(lemur2, index, tmp_path):
    code, out, _ = lemur2(
        *("blocks", "extract", "StochasticDepth", "SqueezeExcitation", "--json"),
        *("--index", index, "--library", tmp_path / "l.db", "--out", tmp_path / "out"),
    )
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {row["name"]: row["stage"] for row in rows} == {
        "StochasticDepth": "backward",
        "SqueezeExcitation": "backward",
    }
    for row in rows:
        assert {"name", "qualified_name", "stage", "reason", "file"} <= set(row)
        source = Path(row["file"]).read_text()
        namespace = {"__name__": "alone"}
        exec(compile(source, row["file"], "exec"), namespace)
        assert row["name"] in namespace


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["extract", "NoSuchBlock"], 1, "no block NoSuchBlock"),
        (["extract"], 2, "--sample"),
        (["extract", "A", "--all"], 2, "--sample"),
    ],
)
def test_mistakes_are_one_line(lemur2, index, tmp_path, arguments, code, words):
    got, _, err = lemur2(*("blocks", *arguments, "--index", index, "--library", tmp_path / "l.db"))
    assert got == code
    assert words in err
    assert len(err.splitlines()) == 1


def test_without_index_or_library(lemur2, tmp_path):
    code, _, err = lemur2("blocks", "extract", "A", "--index", tmp_path / "none.db")
    assert (code, "lemur2 blocks index" in err) == (1, True)
    code, _, err = lemur2("blocks", "list", "--library", tmp_path / "none.db")
    assert (code, "lemur2 blocks extract" in err) == (1, True)


def test_search_gives_the_blocks_for_a_prompt(lemur2, library_file):
    search = ("blocks", "search", "squeeze", "--library", library_file, "--words-only")
    code, out, _ = lemur2(*search, "-n", 1, "--tokens", 3000)
    assert code == 0
    assert "# Runs as: SqueezeExcitation(" in out
    assert token_count(out) <= 3000
    code, out, err = lemur2(*search, "--tokens", 5)
    assert (code, out, "at most 5 tokens" in err) == (1, "", True)
    code, _, err = lemur2(*search, "--tokens", 5, "--json")
    assert (code, err.count("\n")) == (2, 1)


def test_reading_commands(lemur2, library_file):
    code, out, _ = lemur2("blocks", "list", "--json", "--library", library_file)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert "SqueezeExcitation" in {row["name"] for row in rows}
    _, out, _ = lemur2("blocks", "search", "squeeze", "--library", library_file, "--words-only")
    assert "SqueezeExcitation" in out
    _, out, _ = lemur2(
        *("blocks", "show", "SqueezeExcitation", "--source-only", "--library", library_file)
    )
    compile(out, "shown", "exec")
    code, _, err = lemur2("blocks", "show", "Nothing", "--library", library_file)
    assert (code, "lemur2 blocks search" in err) == (1, True)
