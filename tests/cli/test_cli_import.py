"""`lemur2 import` and `lemur2 export`."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "corpus"))
from field_files import BAD, GOOD, write_folder, write_wheel

from lemur2.corpus import Corpus


@pytest.fixture
def wheel(tmp_path):
    return write_wheel(tmp_path / "bad.whl", {**GOOD, **BAD})


def test_import_for_scripts(lemur2, wheel, tmp_path):
    db = tmp_path / "a.db"
    (summary,) = lemur2("import", wheel, "--db", db, "--json").lines
    assert summary["new"]["epochs"] == 18
    assert summary["refused"]["file of trials: not JSON"] == 2
    rows = lemur2("data", "--db", db, "--json", "--provenance", "imported").lines
    assert len(rows) == 18
    assert {row["provenance"] for row in rows} == {"imported"}
    assert len(lemur2("data", "--db", db, "--json", "--no-flagged").lines) == 17
    assert lemur2("data", "--db", db, "--json", "--provenance", "own").lines == []


def test_import_for_people(lemur2, wheel, tmp_path):
    db = tmp_path / "a.db"
    first = lemur2("import", wheel, "--db", db)
    assert first.code == 0
    rows = [line.split(maxsplit=2) for line in first.out.splitlines()]
    for row in (
        ["stored", "18", "epochs"],
        ["flagged", "1", "network does not parse"],
        ["refused", "2", "file of trials: not JSON"],
    ):
        assert row in rows
    assert "nothing new" in lemur2("import", wheel, "--db", db).out
    shown = lemur2("show", "ga-7", "--db", db).out
    assert "imported" in shown
    assert "invalid syntax" in shown


def test_what_is_no_corpus_makes_no_database(lemur2, tmp_path):
    (tmp_path / "half.whl").write_bytes(b"PK\3\4 and no more")
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "half.whl", tmp_path / "empty", tmp_path / "none"):
        ended = lemur2("import", source, "--db", tmp_path / "a.db")
        assert ended.code == 1
        assert ended.err.startswith("lemur2: error: ")
        assert ended.err.count("\n") == 1
    assert not (tmp_path / "a.db").exists()


def test_nn_dataset_that_cannot_be_had(lemur2, tmp_path, monkeypatch):
    """An index that is empty, and no other."""
    (tmp_path / "index").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    ended = lemur2("import", "nn-dataset", "--db", tmp_path / "a.db")
    assert ended.code == 1
    assert "nn-dataset 2.1.0 cannot be downloaded (No matching distribution" in ended.err
    assert "get the wheel elsewhere and give its path" in ended.err
    assert ended.err.count("\n") == 1
    assert list((tmp_path / "cache").rglob("*.whl")) == []


def test_nn_dataset_is_downloaded_once(lemur2, tmp_path, monkeypatch):
    name = "nn_dataset-2.1.0-py3-none-any.whl"
    (tmp_path / "index").mkdir()
    metadata = "Metadata-Version: 2.1\nName: nn-dataset\nVersion: 2.1.0\n"
    files = {f"ab/nn/{path}": content for path, content in GOOD.items()}
    info = "nn_dataset-2.1.0.dist-info"
    files |= {
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    import zipfile

    with zipfile.ZipFile(tmp_path / "index" / name, "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    ended = lemur2("import", "nn-dataset", "--db", "a.db", "--json")
    assert ended.code == 0, ended.err
    assert ended.lines[0]["new"]["epochs"] == 16
    (tmp_path / "index" / name).unlink()
    assert "nothing new" in lemur2("import", "nn-dataset", "--db", "a.db").out
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [name]


def test_an_unfinished_import_is_told(lemur2, wheel, tmp_path):
    db = tmp_path / "a.db"
    lemur2("import", wheel, "--db", db)
    with Corpus.open(db) as corpus, corpus.database.write() as connection:
        connection.exec_driver_sql("UPDATE imports SET status = 'running'")
    ended = lemur2("data", "--db", db)
    assert ended.code == 0
    assert "the import of nn-dataset 9.9 is not finished" in ended.err
    lemur2("import", wheel, "--db", db)
    assert lemur2("data", "--db", db).err == ""


@pytest.mark.parametrize("kind", ["parquet", "field", "huggingface"])
def test_export(lemur2, wheel, tmp_path, kind):
    db = tmp_path / "a.db"
    lemur2("import", wheel, "--db", db)
    (counts,) = lemur2("export", tmp_path / "out", "--format", kind, "--db", db, "--json").lines
    assert counts["networks" if kind != "parquet" else "architectures"] == 6
    again = lemur2("export", tmp_path / "out", "--format", kind, "--db", db)
    assert again.code == 1
    assert "is there already" in again.err
    people = lemur2("export", tmp_path / "other", "--format", kind, "--db", db)
    assert re.search(
        rf"^{'trials' if kind == 'huggingface' else 'epochs'} +18$", people.out, re.MULTILINE
    )
    if kind != "huggingface":
        assert lemur2("import", tmp_path / "out", "--db", tmp_path / "b.db").code == 0
        one, two = (lemur2("data", "--db", name, "--csv").out for name in (db, tmp_path / "b.db"))
        assert drop_ids(one) == drop_ids(two)


def drop_ids(csv: str) -> list[str]:
    """Rows without the trial's number."""
    import csv as reader

    rows = list(reader.DictReader(csv.splitlines()))
    return sorted(json.dumps({k: v for k, v in row.items() if k != "trial"}) for row in rows)


def test_a_folder_of_the_fields_layout(lemur2, tmp_path):
    write_folder(tmp_path / "src", {f"ab/nn/{path}": GOOD[path] for path in GOOD})
    assert lemur2("import", tmp_path / "src", "--db", tmp_path / "a.db").code == 0
    assert os.listdir(tmp_path / "src") == ["ab"]
