"""Exporting a corpus, and importing what was exported."""

import json
import os

import pyarrow.parquet as pq
import pytest
from corpus_samples import grow, outcome, trial_result
from field_files import GOOD, TRIALS, expected_rows, write_wheel

import lemur2
from lemur2.architecture import Verdict
from lemur2.corpus import Corpus, Epoch
from lemur2.corpus.db.schema import metadata
from lemur2.corpus.exporting import export_field, export_huggingface, export_parquet
from lemur2.corpus.exporting.columns import COLUMNS
from lemur2.corpus.importing import import_corpus
from lemur2.corpus.progress import silent
from lemur2.errors import UserError

EXPORTS = (export_parquet, export_field, export_huggingface)


@pytest.fixture
def wheel(tmp_path):
    return write_wheel(tmp_path / "good.whl", GOOD)


def fill(corpus, wheel) -> None:
    """A run of its own, one attempt of which failed, and imported networks."""
    grow(corpus, [outcome("F-1"), outcome("F-2", Verdict.SHAPE), outcome("AlexNet")])
    import_corpus(corpus, wheel)


@pytest.fixture
def mixed(wheel, tmp_path):
    with Corpus.open(tmp_path / "mixed.db", create=True) as corpus:
        fill(corpus, wheel)
        yield corpus


def test_parquet_from_any_database_to_any(place, wheel, tmp_path):
    with (
        Corpus.open(place, create=True) as one,
        Corpus.open(tmp_path / "two.db", create=True) as two,
    ):
        fill(one, wheel)
        export_parquet(one, tmp_path / "out", silent)
        import_corpus(two, tmp_path / "out")
        assert one.content_dump() == two.content_dump()


def test_parquet_and_back(mixed, tmp_path, place):
    counts = export_parquet(mixed, tmp_path / "out", silent)
    assert counts["epochs"] == 16 + 2
    with Corpus.open(place, create=True) as copy:
        assert import_corpus(copy, tmp_path / "out").changed
        assert copy.content_dump() == mixed.content_dump()
        again = import_corpus(copy, tmp_path / "out")
        assert not again.changed
        assert again.counts["unchanged"] == {name: n for name, n in counts.items() if n}
        assert copy.content_dump() == mixed.content_dump()
        grow(copy, [outcome("F-9")])  # ids go on where the copied ones end
        assert len(copy.runs()) == 2
        with pytest.raises(UserError, match="restored into an empty corpus, and this one"):
            import_corpus(copy, tmp_path / "out")


def test_parquet_is_documented(mixed, tmp_path):
    export_parquet(mixed, tmp_path / "out", silent)
    readme = (tmp_path / "out" / "README.md").read_text()
    tables = {
        table.name: [column.name for column in table.columns] for table in metadata.tables.values()
    }
    assert {name: list(columns) for name, columns in COLUMNS.items()} == tables
    for name, columns in tables.items():
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").column_names == columns
        assert f"## {name} (" in readme
    scores = pq.read_table(tmp_path / "out" / "epochs.parquet")["score"].to_pylist()
    assert sorted(scores) == sorted(lemur2.data(db=mixed)["accuracy"])


def test_a_damaged_parquet_export(mixed, tmp_path):
    export_parquet(mixed, tmp_path / "out", silent)
    (tmp_path / "out" / "epochs.parquet").write_bytes(b"PAR1 and nothing")
    with (
        Corpus.open(tmp_path / "copy.db", create=True) as copy,
        pytest.raises(UserError, match="is no export, or a damaged one"),
    ):
        import_corpus(copy, tmp_path / "out")
    with Corpus.open(tmp_path / "copy.db") as copy:  # all of it or nothing
        assert not copy.content_dump()["architectures"]


def test_the_fields_layout_and_back(corpus, wheel, tmp_path):
    import_corpus(corpus, wheel)
    counts = export_field(corpus, tmp_path / "out", silent)
    assert counts == {
        "networks": 6,
        "transforms": 2,
        "folders of trials": 5,
        "files of trials": len(TRIALS),
        "epochs": 16,
        "device runs": 1,
    }
    with Corpus.open(tmp_path / "copy.db", create=True) as copy:
        import_corpus(copy, tmp_path / "out")
        assert copy.content_dump() == corpus.content_dump()
    assert not import_corpus(corpus, tmp_path / "out").changed
    for path in GOOD:
        if path.startswith(("nn/", "transform/")) and "__init__" not in path:
            assert (tmp_path / "out" / path).read_bytes() == GOOD[path]
    (path,) = (tmp_path / "out").glob("stat/run/*/*.json")
    assert path.read_bytes() == GOOD[str(path.relative_to(tmp_path / "out"))]


def test_files_of_trials_hold_what_they_held(corpus, wheel, tmp_path):
    import_corpus(corpus, wheel)
    export_field(corpus, tmp_path / "out", silent)
    for path, records in TRIALS.items():
        found = json.loads((tmp_path / "out" / path).read_text())
        epoch = int(path.rpartition("/")[2].removesuffix(".json"))
        # an `epoch` that only repeats the file's number is not kept
        kept = [
            {
                key: value
                for key, value in record.items()
                if key != "epoch" or "x" not in record["uid"]
            }
            for record in records
        ]
        assert epoch >= 0
        assert sorted(map(str, map(sorted_items, found))) == sorted(
            map(str, map(sorted_items, kept))
        )


def sorted_items(record: dict) -> list:
    return sorted(record.items())


def test_our_own_trials_in_the_fields_layout(corpus, tmp_path):
    """Trainings with the same hyperparameters stay apart, seconds add up, failures stay behind."""
    epochs = tuple(
        Epoch(epoch=number, score=number / 8, loss=1.0, seconds=1.5, memory=1)
        for number in (1, 2, 3)
    )
    grow(corpus, [outcome("F-1", trial=trial_result(epochs=epochs)), outcome("F-2", Verdict.SHAPE)])
    run_id = corpus.runs()[0].id
    for seed, verdict in ((8, Verdict.OK), (9, Verdict.DIVERGED)):
        trial = corpus.begin_trial(
            "F-1",
            task="img-classification",
            dataset="digits",
            metric="acc",
            transform="norm_32",
            hyperparameters=trial_result().hyperparameters,
            seed=seed,
            environment={},
            run_id=run_id,
        )
        corpus.add_epoch(trial, epochs[0])
        corpus.finish_trial(trial, verdict)
    counts = export_field(corpus, tmp_path / "out", silent)
    assert counts["epochs"] == 4
    assert counts["left out: trials that failed"] == 1
    with Corpus.open(tmp_path / "copy.db", create=True) as copy:
        import_corpus(copy, tmp_path / "out")
        found = lemur2.data(db=copy)
        trainings = sorted(rows["accuracy"].tolist() for _, rows in found.groupby("trial"))
        assert trainings == [[0.125], [0.125, 0.25, 0.375]]
        assert found["duration"].tolist() == [1.5] * 4
        assert found["prm"][0] == trial_result().hyperparameters


def test_a_hugging_face_folder(mixed, tmp_path):
    counts = export_huggingface(mixed, tmp_path / "out", silent)
    card = (tmp_path / "out" / "README.md").read_text()
    _, head, body = card.split("---\n", 2)
    found = {}
    for name, rows in counts.items():
        assert f"config_name: {name}\n    data_files: data/{name}/*.parquet" in head
        assert f"`{name}` ({rows:,} rows)" in body
        (path,) = (tmp_path / "out" / "data" / name).glob("*.parquet")
        found[name] = pq.read_table(path).to_pandas()
        assert len(found[name]) == rows
    assert "nn-dataset 9.9" in body
    trials = found["trials"][found["trials"]["provenance"] == "imported"]
    assert sorted(trials["accuracy"]) == sorted(row["accuracy"] for row in expected_rows(TRIALS))
    assert {json.loads(prm)["lr"] for prm in trials["prm"]} == {0.01, 0.1}
    assert set(trials["lr"]) == {0.01, 0.1}
    networks = found["networks"].set_index("name")
    assert networks["code"]["my_net"] == GOOD["nn/my_net.py"].decode()
    assert set(networks["provenance"]) == {"own", "imported"}


@pytest.mark.parametrize("export", EXPORTS)
def test_nothing_is_overwritten_and_nothing_is_left_half(mixed, tmp_path, export, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(UserError, match="is there already; name a folder that is new or empty"):
        export(mixed, tmp_path / "full", silent)
    with pytest.raises(UserError, match="there is no folder"):
        export(mixed, tmp_path / "none" / "out", silent)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    before = sorted(os.listdir(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        export(mixed, tmp_path / "out", interrupt)
    assert sorted(os.listdir(tmp_path)) == before
    (tmp_path / "empty").mkdir()
    export(mixed, tmp_path / "empty", silent)
    assert any((tmp_path / "empty").iterdir())


def test_an_empty_corpus(corpus, tmp_path):
    for export in EXPORTS:
        export(corpus, tmp_path / export.__name__, silent)
    with Corpus.open(tmp_path / "copy.db", create=True) as copy:
        assert not import_corpus(copy, tmp_path / "export_parquet").changed
        with pytest.raises(UserError, match="holds no corpus"):
            import_corpus(copy, tmp_path / "export_field")
