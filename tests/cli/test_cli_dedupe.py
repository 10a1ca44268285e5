"""`dedupe`, `curate`, and what `data` and `show` say of them."""

import json

import pytest

from lemur2.architecture import canonical_digest, zoo_source
from lemur2.corpus import Corpus

LENET = zoo_source("LeNet")
SOURCES = {
    "LeNet": LENET,
    "copy": LENET + "# a comment\n",
    "blanks": LENET.replace("\n\n", "\n\n\n"),
    "edited": LENET.replace("def learn(self, train_data)", "def learn(self, data)").replace(
        "in train_data", "in data"
    ),
    "VGG11": zoo_source("VGG11"),
    "AlexNet": zoo_source("AlexNet"),
}


@pytest.fixture
def copies(tmp_path):
    """A corpus of six networks, three of them redundant."""
    place = tmp_path / "copies.db"
    with Corpus.open(place, create=True) as corpus:
        for name, source in SOURCES.items():
            corpus.add_architecture(name=name, source=source, digest=canonical_digest(source))
    return place


def test_dedupe_json(lemur2, copies):
    found = {row.pop("name"): row for row in lemur2("dedupe", "--db", copies, "--json").lines}
    assert {name: row["tier"] for name, row in found.items()} == {
        "copy": "canonical",
        "blanks": "whitespace",
        "edited": "near",
    }
    assert {row["representative"] for row in found.values()} == {"LeNet"}
    assert found["copy"]["similarity"] == 1
    by_name = lemur2("dedupe", "--db", copies, "--json", "--prefer", "name", "--tier", "canonical")
    assert {row["representative"] for row in by_name.lines} == {"LeNet"}
    assert {row["tier"] for row in by_name.lines} == {"canonical"}


def test_dedupe_table(lemur2, copies):
    said = lemur2("dedupe", "--db", copies).out
    assert "6 networks, 3 of them redundant" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["whitespace", "1", "1", "5"] in rows
    assert ["near", "1", "1", "3"] in rows
    assert ["LeNet", "3"] in rows


def test_marks(lemur2, db, copies):
    assert "2 marked" in lemur2("dedupe", "--db", copies, "--mark").out  # exact copies alone
    assert "3 marked" in lemur2("dedupe", "--db", copies, "--mark", "--tier", "near").out
    assert lemur2("dedupe", "--db", copies, "--unmark").out == "3 marks taken away\n"
    assert lemur2("dedupe", "--db", copies, "--unmark", "--json").lines == [{"unmarked": 0}]
    with Corpus.open(db) as corpus:
        from lemur2.corpus.dedupe import Redundant, mark

        mark(corpus, [Redundant(name="F-0", representative="F-1", tier="near", similarity=0.9)])
    rows = lemur2("data", "--db", db, "--unique", "--json").lines
    assert {row["nn"] for row in rows} == {"F-1"}
    assert {row["nn"] for row in lemur2("data", "--db", db, "--json").lines} == {"F-0", "F-1"}


def test_reading_changes_nothing(lemur2, copies):
    before = copies.read_bytes()
    lemur2("dedupe", "--db", copies)
    assert copies.read_bytes() == before


@pytest.mark.parametrize(
    "wrong",
    [
        ("dedupe", "--mark", "--unmark"),
        ("dedupe", "--tier", "exact"),
        ("dedupe", "--threshold", "0"),
        ("dedupe", "--prefer", "best"),
        ("curate",),
        ("curate", "--out", "x", "--per-family", "1", "--min-per-prefix", "2"),
        ("curate", "--out", "x", "--validation", "0.6", "--test", "0.6"),
        ("screen",),
        ("screen", "LeNet", "--all"),
        ("screen", "--all", "--report", "1"),
        ("screen", "Unknown"),
        ("screen", "--family", "unknown"),
    ],
)
def test_wrong_usage_is_one_line(lemur2, copies, tmp_path, wrong, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = lemur2(*wrong, "--db", copies)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("lemur2: error: ")
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_curate(lemur2, copies, tmp_path):
    out = tmp_path / "set"
    ended = lemur2("curate", "--db", copies, "--out", out, "--json", "--validation", "0.34")
    (said,) = ended.lines
    assert said["counts"]["chosen"] == 3
    rows = [
        json.loads(line) for file in out.glob("*.jsonl") for line in file.read_text().splitlines()
    ]
    assert {row["nn"] for row in rows} == {"LeNet", "VGG11", "AlexNet"}
    again = lemur2("curate", "--db", copies, "--out", out)
    assert again.code == 1
    assert "there already" in again.err
    more = lemur2("curate", "--db", copies, "--out", tmp_path / "other", "--total", "4")
    assert "4 of 6 networks" in more.out


def test_show_says_what_the_source_tells(lemur2, copies):
    said = lemur2("show", "VGG11", "--db", copies).out
    assert "8 Conv2d" in said
    assert "11 layers with weights" in said
    (values,) = lemur2("show", "VGG11", "--db", copies, "--json").lines
    assert (values["static"]["depth"], values["static"]["convolution"]) == (11, True)
    assert values["facts"] is None
