"""A corpus from outside is not trusted: it leaves no folder, and half of it is never stored."""

import json
import os
import zipfile

import pyarrow.parquet as pq
import pytest
from corpus_samples import outcome
from field_files import GOOD, record, write_folder, write_wheel

import lemur2
from lemur2.corpus import Corpus
from lemur2.corpus.db.tables import MANIFEST
from lemur2.corpus.exporting import export_field, export_parquet
from lemur2.corpus.importing import import_corpus
from lemur2.corpus.progress import silent
from lemur2.errors import UserError

NAMES = (
    "../../victim",
    "/tmp/victim",
    "..",
    ".hidden",
    "a/b",
    "a\\b",
    "line\nbreak",
    "\x1b[2J",
    "",
)


@pytest.fixture
def dump(tmp_path):
    """An export of a corpus that has a row in almost every table."""
    with Corpus.open(tmp_path / "first.db", create=True) as corpus:
        import_corpus(corpus, write_wheel(tmp_path / "nn.whl", GOOD))
        run = corpus.start_run(
            verb="grow",
            generator="fractal",
            config={"generator": {"record": "mine.jsonl"}},
            seed=0,
            protocol={},
            limits={},
            total=2,
            environment={},
        )
        found = outcome("F-1")
        corpus.advance(run, told=0, state=None, asked=[(found.candidate, found.name, "d")])
        corpus.record(run, 0, found)
        export_parquet(corpus, tmp_path / "dump", silent)
    return tmp_path / "dump"


def change(dump, table, column, value):
    """Give the first row of a table another value."""
    path = dump / f"{table}.parquet"
    found = pq.read_table(path)
    rows = found.to_pylist()
    rows[0][column] = value
    pq.write_table(type(found).from_pylist(rows, schema=found.schema), path)


def refused(dump, tmp_path, match):
    with Corpus.open(tmp_path / "copy.db", create=True) as copy:
        with pytest.raises(UserError, match=match) as caught:
            import_corpus(copy, dump)
        assert "\n" not in str(caught.value)
        assert not any(copy.content_dump().values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("device_runs", "device"),
        ("device_runs", "task"),
        ("benchmarks", "task"),
        ("benchmarks", "dataset"),
        ("benchmarks", "metric"),
        ("architectures", "name"),
        ("architectures", "legacy_name"),
        ("attempts", "name"),
    ],
)
def test_names_in_a_dump(dump, tmp_path, table, column, name):
    change(dump, table, column, name)
    refused(dump, tmp_path, f"{table}: row 1: {column} is no name; nothing of it was stored")


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("transforms", "name", "../x", "name is no name"),
        ("architectures", "prefix", "a/b", "prefix is no name"),
        ("device_runs", "details", "[]", "details is no JSON object"),
        ("device_runs", "details", "[" * 100_000, "details is no JSON object"),
        ("device_runs", "architecture_id", 10**6, "FOREIGN KEY"),
        ("trials", "prm", "3", "prm is no JSON object"),
        ("trials", "verdict", "splendid", "verdict is no one of"),
        ("attempts", "facts", '{"input_size": 3}', "facts is no what screening finds"),
        ("attempts", "parents", '{"a": 1}', "parents is no JSON list of texts"),
        ("runs", "status", "eternal", "status is no one of"),
        ("architectures", "name", None, "has no name"),
        ("sources", "text", b"import os", "its text is not the one that its sha256 says"),
        ("runs", "config", '{"generator": {"record": "/etc/x"}}', "outside the working folder"),
        ("runs", "config", '{"generator": {"llm": "deck:../x"}}', "outside the working folder"),
    ],
)
def test_values_in_a_dump(dump, tmp_path, table, column, value, said):
    change(dump, table, column, value)
    refused(dump, tmp_path, said)


def test_a_dump_with_other_columns(dump, tmp_path):
    path = dump / "benchmarks.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["metric"]), path)
    refused(dump, tmp_path, "benchmarks.parquet has other columns than its table")


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, '{"schema": ["0005"]}', '"0005"'])
def test_a_manifest_that_is_none(dump, tmp_path, text):
    (dump / MANIFEST).write_text(text)
    refused(dump, tmp_path, "is no export, or a damaged one|of another version of lemur2")


def test_links_in_a_dump_are_not_followed(dump, tmp_path):
    elsewhere = tmp_path / "elsewhere.parquet"
    (dump / "benchmarks.parquet").rename(elsewhere)
    (dump / "benchmarks.parquet").symlink_to(elsewhere)
    refused(dump, tmp_path, "benchmarks.parquet is no file of its own")


def test_what_is_stored_already_leaves_no_folder(tmp_path):
    """A corpus that an older version filled may hold any name."""
    (tmp_path / "out").mkdir()
    with Corpus.open(tmp_path / "old.db", create=True) as corpus:
        import_corpus(corpus, write_wheel(tmp_path / "nn.whl", GOOD))
        with corpus.database.write() as connection:
            for statement in (
                "UPDATE device_runs SET device = '../../../../victim'",
                "UPDATE benchmarks SET task = '../../../../victim' WHERE id = 1",
                "UPDATE architectures SET legacy_name = '../victim' WHERE name = 'untrained'",
                "UPDATE transforms SET name = '../victim' WHERE name = 'echo'",
            ):
                connection.exec_driver_sql(statement)
        counts = export_field(corpus, tmp_path / "out" / "field", silent)
    left_out = {key: n for key, n in counts.items() if key.startswith("left out")}
    assert left_out == {
        "left out: networks whose name no file can have": 1,
        "left out: transforms whose name no file can have": 1,
        "left out: folders of trials whose name no file can have": 2,
        "left out: device runs whose name no file can have": 1,
    }
    assert not list(tmp_path.rglob("*victim*"))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"transform": "../../x"}, "a transform whose name cannot be stored"),
        ({"transform": "\ud800"}, "a transform whose name cannot be stored"),
        ({"a\nb": 1}, "hyperparameters whose names cannot be stored"),
        ({"\ud800": 1}, "hyperparameters whose names cannot be stored"),
        ({f"p{n}": n for n in range(1000)}, "hyperparameters whose names cannot be stored"),
        ({"deep": json.loads("[" * 400 + "]" * 400)}, "a hyperparameter that is nested too deeply"),
    ],
)
def test_records_in_the_fields_layout(tmp_path, corpus, changes, cause):
    file = "stat/train/img-classification_mnist_acc_AlexNet/1.json"
    records = [{**record(0.5), **changes}, record(0.75, "fine\ud800")]
    files = {"nn/AlexNet.py": GOOD["nn/AlexNet.py"], file: json.dumps(records).encode()}
    summary = import_corpus(corpus, write_folder(tmp_path / "in", files))
    assert summary.counts["refused"] == {f"epoch: {cause}": 1}
    assert lemur2.data(db=corpus)["accuracy"].tolist() == [0.75]


@pytest.mark.parametrize("value", [None, 7, ["a"]])
def test_a_device_run_of_odd_values(tmp_path, corpus, value):
    run = {"device_type": value, "os_version": value, "duration": "long", "device_analytics": []}
    files = {
        "nn/AlexNet.py": GOOD["nn/AlexNet.py"],
        "stat/run/img-classification_AlexNet/phone.json": json.dumps(run).encode(),
    }
    assert import_corpus(corpus, write_folder(tmp_path / "in", files)).counts["new"] == {
        "networks": 1,
        "device runs": 1,
    }


def test_members_that_name_places_outside(tmp_path, corpus):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name in ("../nn/Up.py", "/nn/Top.py", "nn/../../Up.py", "nn/.Dot.py", "nn/a\\b.py"):
            archive.writestr(name, GOOD["nn/AlexNet.py"])
        archive.writestr("nn/Fine.py", GOOD["nn/AlexNet.py"])
    import_corpus(corpus, tmp_path / "bad.zip")
    assert [each["name"] for each in corpus.content_dump()["architectures"]] == ["Fine"]


def test_links_and_deep_folders_in_a_layout(tmp_path, corpus):
    secret = tmp_path / "secret.py"
    secret.write_bytes(GOOD["nn/AlexNet.py"])
    folder = write_folder(tmp_path / "in", {"nn/Fine.py": GOOD["nn/AlexNet.py"]})
    (folder / "nn" / "Linked.py").symlink_to(secret)
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / "nn" / "Pipe.py")
    for _ in range(1500):
        (tmp_path / "outer").mkdir()
        if (folder / "deep").exists():
            (folder / "deep").rename(tmp_path / "outer" / "d")
        (tmp_path / "outer").rename(folder / "deep")
    try:
        import_corpus(corpus, folder)
    finally:  # what pytest removes folders with goes down by recursion
        while (folder / "deep" / "d").exists():
            (folder / "deep" / "d").rename(folder / "next")
            (folder / "deep").rmdir()
            (folder / "next").rename(folder / "deep")
    assert [each["name"] for each in corpus.content_dump()["architectures"]] == ["Fine"]


def test_an_archive_that_announces_more_than_any_corpus(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr("lemur2.corpus.importing.archives.MAX_SIZE", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nn/A.py", b"#" * (2 << 20))
    with pytest.raises(UserError, match="more than any corpus has"):
        import_corpus(corpus, tmp_path / "bomb.zip")
